"""A program that is to the bench twin what its bootloader is: each power-on or reset ends as it is told beforehand.

Run as `twin_rom.py SETTINGS REPORT...`: the first one (the settings' seed less 2) ends with the first report, the last
report is that of all further ones too. Says on standard output which it is and which faults hold, and each fault that
changes. A report "wait" is none: it waits for ever.
"""

import json
import sys

STATUS = {"handed over": 0, "emmc": 3, "halted": 4, "reset": 5}


def main(settings: str, reports: list[str]) -> None:
    own = json.loads(settings)
    count = own["seed"] - 2
    sys.stdout.write(f"bootloader {count} with {own['faults']}\r\n")
    sys.stdout.flush()
    report = reports[min(count, len(reports) - 1)]
    if report == "wait":
        for line in sys.stdin:
            sys.stdout.write(f"fault {line.strip()}\r\n")
            sys.stdout.flush()
    sys.stderr.write(f"{report}\n")
    sys.exit(STATUS.get(json.loads(report).get("outcome"), 1))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
