"""Each fault of a node turns its own cells of the committed matrix and no other: `fault_matrix.txt`, row by row.

The node runs as a process of this host; it is asked by hil's own probe, over TLS and by its console.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.simnode import PATIENCE, HostedNode, hello_layer, hosted, make_client, make_config, spin_layer

from hil.clock import Deadline, hold
from hil.config.expect import TalosExpect, overridden
from hil.images.extensions import SHIPPED
from hil.images.simnode import FAULTS
from hil.readiness.talos.probe import TalosProbe
from hil.services.talos_config import MachineConfig
from hil.tools.gonode import talos_version

pytestmark = pytest.mark.boot

Row = Mapping[str, str]

MATRIX = Path(__file__).with_name("fault_matrix.txt")
EXPECT = TalosExpect(
    version=talos_version(),
    hostname="node1",
    extensions={"hello": "0.1.0", "spin": SHIPPED["spin"].version()},
    services=("hello", "spin"),
)
LIVE = "injected into a node that is ready"
ANEW = "injected into a node that is ready, and asked on a new connection"
START = "from the start of a boot"
OTHER = "another node than the expected one"
NOTHING, SAME, BACK = "nothing", ".", "back"


def read_matrix(text: str) -> dict[str, dict[str, Row]]:
    """The tables by their titles, each row by its name and column."""
    tables: dict[str, dict[str, Row]] = {}
    columns: Sequence[str] = ()
    rows: dict[str, Row] = {}
    for line in text.splitlines():
        words = line.split()
        if not words or line.startswith("#"):
            continue
        if line.startswith("["):
            rows = tables[line.strip("[]")] = {}
        elif line.startswith(" "):
            columns = words
        else:
            name, *cells = words
            base = rows.get(NOTHING, {})
            read = {
                column: base[column] if cell == SAME else cell for column, cell in zip(columns, cells, strict=True)
            }
            assert name not in rows, f"two rows {name}"
            rows[name] = read
    return tables


TABLES = read_matrix(MATRIX.read_text())


def rows_of(title: str) -> list[object]:
    return [pytest.param(row, id=name) for name, row in TABLES[title].items()]


@dataclass(frozen=True)
class Cluster:
    """A cluster of one node, another cluster, and the layers of its extensions."""

    folder: Path
    made: MachineConfig
    extensions: Path


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        yield Cluster(folder, make_config(folder / "hil"), spin_layer(hello_layer(folder / "layers")))


@contextlib.contextmanager
def asking(node: HostedNode, talosconfig: Path, expect: TalosExpect = EXPECT) -> Iterator[TalosProbe]:
    access = node.access(talosconfig)
    probe = TalosProbe("node1", expect, lambda fingerprint: access, node.transcript)
    try:
        yield probe
    finally:
        probe.close()


def found(probe: TalosProbe, node: HostedNode) -> Row:
    """The row of the matrix that the probe finds now."""
    node.take_in()
    conditions = probe.look()
    row = {condition.name.removeprefix("talos."): condition.truth.value for condition in conditions}
    row = {column: "FALSE" if cell == "false" else cell for column, cell in row.items()}
    return {**row, "stops": "yes" if probe.hopeless else "no"}


def settled(row: Row) -> Row:
    """The row when what turned for a while is back."""
    return {column: TABLES[LIVE][NOTHING][column] if cell == BACK else cell for column, cell in row.items()}


def differing(row: Row, other: Row) -> set[str]:
    return {column for column in row if row[column] != other[column]}


def until_found(probe: TalosProbe, node: HostedNode, wanted: Row, *, only: Row | None = None) -> None:
    """Wait for a row that stays for one more round; with `only`, no other cell than its own may turn meanwhile."""
    wanted = settled(wanted)
    deadline = Deadline.after(PATIENCE)
    may_turn = set(wanted) if only is None else differing(only, TABLES[LIVE][NOTHING])
    rounds = 0
    while rounds < 2:
        assert not deadline.expired, f"{wanted} was not found, but {probe.look()}\n{node.console[-4000:]}"
        probe.api.changes()
        probe.api.wait_for_change(Deadline.after(0.05))
        now = found(probe, node)
        assert differing(now, TABLES[LIVE][NOTHING]) <= may_turn, probe.look()
        rounds = rounds + 1 if now == wanted and probe.api.latest is not None else 0
        if rounds == 1:
            probe.api.observe(Deadline.after(0.5))


def left_behind(root: Path) -> list[str]:
    """The processes whose program is below a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (process / "exe").readlink().is_relative_to(root):
                found.append(process.name)
    return found


def test_the_matrix_has_every_fault() -> None:
    for title in (LIVE, START):
        assert set(TABLES[title]) == {NOTHING, *FAULTS}
    columns = list(TABLES[LIVE][NOTHING])
    assert all(list(row) == columns for table in TABLES.values() for row in table.values())
    turned = [differing(row, table[NOTHING]) for table in TABLES.values() for row in table.values()]
    assert set().union(*turned) == set(columns), "a column that no row turns proves nothing"


@pytest.mark.parametrize("row", rows_of(LIVE))
def test_injected(row: Row, cluster: Cluster, request: pytest.FixtureRequest) -> None:
    fault, good = request.node.callspec.id, TABLES[LIVE][NOTHING]
    with (
        hosted(cluster.made.config, extensions=cluster.extensions) as node,
        asking(node, cluster.made.talosconfig) as probe,
    ):
        until_found(probe, node, good)
        if fault == NOTHING:
            return
        node.inject(fault)
        until_found(probe, node, row, only=row)
        if row["stops"] == "no":
            node.clear(fault)
            until_found(probe, node, good, only=row)
            return
        # Its last words are read before it has ended.
        node.process.wait(PATIENCE)
    deadline = Deadline.after(PATIENCE)
    while left_behind(cluster.extensions):
        assert not deadline.expired, "the extension's process outlives the node"
        hold(0.05)


@pytest.mark.parametrize("row", rows_of(ANEW))
def test_injected_and_asked_anew(row: Row, cluster: Cluster, request: pytest.FixtureRequest) -> None:
    fault, made = request.node.callspec.id, cluster.made
    with hosted(made.config, extensions=cluster.extensions) as node:
        with asking(node, made.talosconfig) as probe:
            until_found(probe, node, TABLES[ANEW][NOTHING])
        if fault != NOTHING:
            node.inject(fault)
        with asking(node, made.talosconfig) as probe:
            until_found(probe, node, row)
            if fault != NOTHING:
                node.clear(fault)
                until_found(probe, node, TABLES[ANEW][NOTHING])


@pytest.mark.parametrize("row", rows_of(START))
def test_from_the_start(row: Row, cluster: Cluster, request: pytest.FixtureRequest) -> None:
    fault = request.node.callspec.id
    faults = [] if fault == NOTHING else [fault]
    with (
        hosted(cluster.made.config, faults=faults, extensions=cluster.extensions) as node,
        asking(node, cluster.made.talosconfig) as probe,
    ):
        until_found(probe, node, row)


@pytest.mark.parametrize("row", rows_of(OTHER))
def test_another(row: Row, cluster: Cluster, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    made, talosconfig = cluster.made, cluster.made.talosconfig
    config: Path | None = made.config
    extensions: Path | None = cluster.extensions
    expect = EXPECT
    match request.node.callspec.id:
        case "other-version":
            expect = overridden(EXPECT, {"version": "v1.13.8"})
        case "other-hostname":
            config = make_config(tmp_path / "hil", hostname="node2", secrets=made.secrets).config
        case "other-extension":
            extensions = spin_layer(hello_layer(tmp_path / "layers"))
            manifest = extensions / "etc/extensions.d/hello.yaml"
            manifest.write_text(manifest.read_text().replace("version: 0.1.0", "version: 0.2.0"))
        case "no-extension":
            extensions = None
        case "maintenance":
            config = None
        case "other-cluster":
            talosconfig = make_config(tmp_path / "other").talosconfig
        case "expired-client":
            talosconfig = make_client(tmp_path / "expired", made, expired=True)
        case "reader":
            talosconfig = made.reader_talosconfig
        case name:
            assert name == NOTHING
    with hosted(config, extensions=extensions) as node, asking(node, talosconfig, expect) as probe:
        until_found(probe, node, row)
