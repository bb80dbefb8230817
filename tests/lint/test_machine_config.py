"""Talos's verdict as a user reads it: places, hints, no secret; and what is said when the two readers disagree."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import fake_talostool
from support.fake_talostool import RECORDED

from hil.clock import Deadline
from hil.config.source import Place
from hil.errors import InfrastructureError, UsageError
from hil.lint.finding import Severity
from hil.lint.machine_config import Checked, check, check_file

NO_VERDICT = '{"schema":"hil.talostool-validate/1","ok":true,"errors":[],"warnings":[],"documents":[]}'


@pytest.fixture
def talostool(tmp_path: Path) -> Path:
    return fake_talostool.install(tmp_path)


def soon() -> Deadline:
    return Deadline.after(30)


def checked(name: str, program: Path | None, *, strict: bool = False) -> Checked:
    data = (RECORDED / f"{name}.yaml").read_bytes()
    return check("node.yaml", data, program, strict=strict, deadline=soon())


def shown(result: Checked) -> str:
    return "\n".join(problem.render() for problem in result.problems(*Severity))


def test_a_right_configuration_has_nothing(talostool: Path) -> None:
    result = checked("right", talostool)
    assert (result.ok, result.asked, result.findings) == (True, True, ())
    assert [document.kind for document in result.documents] == [
        "v1alpha1.Config",
        "HostnameConfig",
        "ExtensionServiceConfig",
    ]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "misspelt-section",
            """\
node.yaml:8:5: error: Talos knows no key "instal" here [talos-decode]
        instal:
        ^
    did you mean 'install'?""",
        ),
        (
            "misspelt-keys",
            """\
node.yaml:9:9: error: Talos knows no key "dsik" here [talos-decode]
            dsik:
            ^
    did you mean 'disk'?
node.yaml:36:1: error: Talos knows no key "enviroment" here [talos-decode]
    enviroment:
    ^
    did you mean 'environment'?""",
        ),
        (
            "misspelt-kind",
            """\
node.yaml:34:1: error: Talos knows no document of the kind "ExxtensionServiceConfig" and this apiVersion [talos-decode]
    kind:
    ^
    did you mean 'ExtensionServiceConfig'?""",
        ),
        (
            "wrong-type",
            """\
node.yaml:10:15: error: cannot construct !!seq into bool [talos-decode]
            wipe:
                  ^""",
        ),
        (
            "kernel-arguments",
            """\
node.yaml:11:9: error: install.extraKernelArgs and install.grubUseUKICmdline can't be used together [talos-validate]
            extraKernelArgs:
            ^""",
        ),
        (
            "no-name",
            """\
node.yaml:33:1: error: ExtensionServiceConfig/: name is required [talos-validate]
    apiVersion:
    ^""",
        ),
        (
            "document-twice",
            """\
node.yaml:33:1: error: duplicate document v1alpha1/HostnameConfig/ is not allowed (line 33) [talos-decode]
    apiVersion:
    ^""",
        ),
        (
            "tab",
            """\
node.yaml:2:1: error: this is not YAML: found character '\\t' that cannot start any token \
(while scanning for the next token) [yaml]
    indent with spaces, not with tabs""",
        ),
        (
            "empty",
            """\
node.yaml: error: there is no document in the file [yaml]
    Talos takes an empty file for no configuration""",
        ),
    ],
)
def test_an_error_is_shown_where_it_is(name: str, expected: str, talostool: Path) -> None:
    result = checked(name, talostool)
    assert not result.ok
    assert shown(result) == expected


def test_each_error_of_a_whole_file_is_one_finding(talostool: Path) -> None:
    result = checked("only-a-type", talostool)
    assert [finding.message.split(" are ")[0] for finding in result.findings] == [
        "cluster instructions",
        "install instructions",
        "issuing CA or some accepted CAs",
    ]


def test_a_warning_leaves_it_right_until_strict(talostool: Path) -> None:
    mild, strict = checked("deprecated", talostool), checked("deprecated", talostool, strict=True)
    assert (mild.ok, strict.ok) == (True, False)
    assert [finding.severity for finding in mild.findings] == [Severity.WARNING]
    assert [finding.severity for finding in strict.findings] == [Severity.ERROR]
    assert mild.findings[0].place == Place(11, 9)


def test_no_secret_is_shown(talostool: Path) -> None:
    result = checked("secret-below-unknown-key", talostool)
    assert len(result.findings) == 3
    assert "CANARY" not in shown(result)
    assert "CANARY" not in repr([finding.document() for finding in result.findings])


def test_without_talos_hil_checks_what_it_can() -> None:
    result = checked("kernel-arguments", None)
    assert not result.asked
    assert [finding.rule for finding in result.findings] == ["kernel-arguments"]
    assert checked("misspelt-keys", None).ok


def test_what_talos_says_is_not_said_twice(talostool: Path) -> None:
    assert [finding.rule for finding in checked("kernel-arguments", talostool).findings] == ["talos-validate"]


def test_what_talos_takes_and_hil_cannot_read_is_a_warning(tmp_path: Path) -> None:
    program = fake_talostool.script(tmp_path, f"#!/bin/sh\necho '{NO_VERDICT}'\n")
    result = check("node.yaml", b"%YAML 1.1\n---\nmachine: {}\n", program, strict=False, deadline=soon())
    assert result.ok
    assert [(finding.rule, finding.severity) for finding in result.findings] == [("yaml", Severity.WARNING)]
    assert "hil's own checks leave it out" in result.findings[0].message


def test_findings_are_in_the_order_of_the_file() -> None:
    main = b"cluster: {network: {podSubnets: [a]}}\nmachine: {install: {disk: b}}\n"
    text = main + b"---\nkind: ExtensionServiceConfig\nname: c\n"
    result = check("node.yaml", text, None, strict=False, deadline=soon())
    assert [finding.place.line for finding in result.findings] == [1, 2, 5]


@pytest.mark.parametrize(
    ("line", "column", "place", "words"),
    [
        (1, 0, Place(1, 1), "machine:"),
        (1, 11, Place(1, 11), "type:"),
        (1, 17, Place(1, 17), "machine:"),
        (3, 1, Place(3, 1), ""),
        (9, 0, Place(9, 0), ""),
    ],
)
def test_a_message_is_about_the_key_of_its_line(
    line: int, column: int, place: Place, words: str, tmp_path: Path
) -> None:
    error = f'{{"stage":"decode","message":"no","line":{line},"column":{column},"path":""}}'
    verdict = NO_VERDICT.replace('"errors":[]', f'"errors":[{error}]')
    program = fake_talostool.script(tmp_path, f"#!/bin/sh\necho '{verdict}'\n")
    text = b"machine: {type: worker}\nlist:\n- a: b\n"
    (finding,) = check("node.yaml", text, program, strict=False, deadline=soon()).findings
    assert (finding.place, finding.words) == (place, words)


def test_the_file_reaches_talostool_whole_and_by_no_disk(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    program = fake_talostool.script(
        tmp_path, f"#!/bin/sh\ncat \"$2\" >'{copy}'\nreadlink \"$2\" >>'{copy}'\necho '{NO_VERDICT}'\n"
    )
    check("node.yaml", b"machine: {}\n", program, strict=False, deadline=soon())
    assert copy.read_text() == "machine: {}\n/memfd:machine-config (deleted)\n"


@pytest.mark.parametrize(
    "text",
    [
        "#!/bin/sh\necho panic: runtime error; exit 2\n",
        "#!/bin/sh\n",
        '#!/bin/sh\necho \'{"schema": "other/2", "errors": [], "warnings": []}\'\n',
        "#!/bin/sh\necho '[]'\n",
        '#!/bin/sh\necho \'{"schema":"hil.talostool-validate/1","errors":[{}],"warnings":[]}\'\n',
        '#!/bin/sh\necho \'{"schema":"hil.talostool-validate/1","errors":[3],"warnings":[]}\'\n',
        '#!/bin/sh\necho \'{"schema":"hil.talostool-validate/1","errors":7,"warnings":[]}\'\n',
    ],
)
def test_a_program_that_gives_no_verdict_is_the_bench_s_fault(text: str, tmp_path: Path) -> None:
    program = fake_talostool.script(tmp_path, text)
    with pytest.raises(InfrastructureError, match="talostool gave no verdict"):
        check("node.yaml", b"machine: {}\n", program, strict=False, deadline=soon())


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot read .*nothing: No such file"):
        check_file(str(tmp_path / "nothing"), None, strict=False, deadline=soon())
