"""The fixtures: what is opened when, which tests share a boot, and how a session ends."""

from __future__ import annotations

import json
import signal
import subprocess

import pytest

pytestmark = pytest.mark.boot


def boots(inner):
    """What happened to the machines, without the session's beginning and end."""
    return [event for event in inner.events() if event.split()[0] not in ("rig", "open", "closed")]


def test_nothing_is_opened_that_no_test_needs(inner):
    inner.pytester.makepyfile("def test_a(pytestconfig): pass")
    inner.run().assert_outcomes(passed=1)
    assert inner.events() == []


def test_no_fixture_boots(inner):
    inner.pytester.makepyfile("def test_a(node, nodes, timeline, matchbox, bench, rig): pass")
    inner.run().assert_outcomes(passed=1)
    root = inner.pytester.path.name
    assert inner.events() == [f"rig virt from {root}", "open virt hil-artifacts False None headers", "closed"]


def test_options_reach_the_bench(inner):
    inner.pytester.makepyfile("def test_a(node): assert node.ensure().image == 'other'")
    result = inner.run("--rig=desk", "--image=other", "--hil-artifacts=records", "--hil-keep", "--hil-capture=full")
    result.assert_outcomes(passed=1)
    assert inner.events()[1] == "open desk records True other full"
    result.stdout.fnmatch_lines(
        ["*hil: kept*", "bench stub-1 goes on; *", "*hil console stub-1/n1*", "*hil bench end stub-1*"]
    )


def test_the_ini_files_rig_counts_from_the_ini_file(inner):
    inner.pytester.makeini("[pytest]\nhil_rig = rigs/desk.yaml")
    inside = inner.pytester.mkpydir("inside")
    (inside / "test_a.py").write_text("def test_a(rig): pass")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(inside)
        inner.run("-c", "../tox.ini").assert_outcomes(passed=1)
    assert inner.events() == [f"rig rigs/desk.yaml from {inner.pytester.path.name}"]


def test_a_module_shares_one_boot(inner):
    text = "def test_a(node): node.ensure()\ndef test_b(node): node.ensure()"
    inner.pytester.makepyfile(test_1=text, test_2=text)
    inner.run().assert_outcomes(passed=4)
    assert boots(inner) == ["n1 boot 1 own", "n1 off", "n1 boot 2 own"]


@pytest.mark.parametrize(
    "spoils",
    [
        "node.ensure(); assert False",
        "node.ensure(); raise ValueError",
        "node.ensure(); node.reset()",
        "node.ensure(); node.power.off()",
        "node.ensure(); node.news = 'NodeError'",
        "node.ensure(); pytest.xfail('known')",
    ],
)
def test_what_ends_the_sharing(inner, spoils):
    inner.pytester.makepyfile(f"""
        import pytest
        def test_a(node): node.ensure()
        def test_b(node): {spoils}
        def test_c(node):
            node.news = ""
            assert node.ensure().number == 2
        def test_d(node): assert node.ensure().number == 2
        """)
    inner.run()
    assert [event for event in boots(inner) if "boot" in event] == ["n1 boot 1 own", "n1 boot 2 own"]
    assert [case.get("name") for case in inner.cases() if list(case.iter("failure"))] in ([], ["test_b"])


def test_what_does_not_end_the_sharing(inner):
    inner.pytester.makepyfile("""
        import pytest
        def test_a(node): node.ensure()
        def test_b(node): pytest.skip("not today")
        def test_c(node): node.boot()
        def test_d(node): assert node.ensure().number == 2
        """)
    inner.run().assert_outcomes(passed=3, skipped=1)
    assert boots(inner) == ["n1 boot 1 own", "n1 boot 2 own"]


def test_a_cold_test_shares_with_nobody(inner):
    inner.pytester.makepyfile("""
        import pytest
        def test_a(node): node.ensure()
        @pytest.mark.hil(cold=True)
        def test_b(node): assert node.ensure().number == 2
        def test_c(node): assert node.ensure().number == 3
        def test_d(node): assert node.ensure().number == 3
        """)
    inner.run().assert_outcomes(passed=4)


def test_a_marker_chooses_the_image_for_its_test_alone(inner):
    inner.pytester.makepyfile("""
        import pytest
        pytestmark = pytest.mark.hil(image="usual")
        def test_a(node): assert node.ensure().image == "usual"
        @pytest.mark.hil(image="candidate")
        def test_b(node): assert node.ensure().image == "candidate"
        def test_c(node): assert node.ensure().image == "usual"
        """)
    inner.pytester.makepyfile(test_z="def test_z(node): assert node.ensure().image == 'own'")
    inner.run().assert_outcomes(passed=4)
    assert [event.split()[-1] for event in boots(inner) if "boot" in event] == ["usual", "candidate", "usual", "own"]


def test_no_marker_chooses_an_image_where_the_tree_of_the_rig_does(inner):
    inner.setenv("STUB_TREE", "1")
    inner.pytester.makepyfile("""
        import pytest
        def test_a(node): node.ensure()
        @pytest.mark.hil(image="candidate")
        def test_b(node): node.ensure()
        """)
    result = inner.run()
    assert result.ret == 4
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(
        ["usage error: image 'candidate' is marked, but this rig's Matchbox has its own data for n1"]
    )


def test_several_nodes(inner):
    inner.setenv("STUB_NODES", "left right")
    inner.pytester.makepyfile("""
        import pytest
        @pytest.mark.hil(node="right")
        def test_a(node): assert node.name == "right"
        def test_b(nodes):
            assert list(nodes) == ["left", "right"] and len(nodes) == 2 and "up" not in nodes
            nodes["left"].ensure()
        def test_c(node): pass
        """)
    result = inner.run()
    result.assert_outcomes(passed=2, errors=1)
    assert result.ret == 4
    result.stdout.fnmatch_lines(["usage error: `node` is not clear: the rig has the nodes left, right"])
    assert boots(inner) == ["left boot 1 own"]


def test_a_node_that_the_rig_lacks(inner):
    inner.pytester.makepyfile("""
        import pytest
        @pytest.mark.hil(node="n2")
        def test_a(node): pass
        """)
    result = inner.run()
    assert result.ret == 4
    result.stdout.fnmatch_lines(["usage error: no node 'n2'", "*its nodes are: n1"])


def test_needs_skip_with_the_reason(inner):
    inner.pytester.makepyfile("""
        import pytest
        pytestmark = pytest.mark.hil(needs=["power"])
        @pytest.mark.hil(needs=["nic"])
        def test_a(node): node.ensure()
        @pytest.mark.hil(needs=["doors"])
        def test_b(node): node.ensure()
        """)
    result = inner.run("-rs")
    result.assert_outcomes(passed=1, skipped=1)
    result.stdout.fnmatch_lines(["SKIPPED * test_needs*.py:5: node n1 has no doors, which this test needs"])


def test_the_timeline_is_that_of_the_present_boot(inner):
    inner.pytester.makepyfile("""
        def test_a(node, timeline):
            assert len(timeline) == 3 and node.boots
            assert [mark.stage for mark in timeline] == ["power", "firmware", "ready"]
            ready = timeline.first("ready")
            assert timeline.since_power(ready) == timeline.seconds("ready")
            assert timeline.awaited is None
            assert timeline.to_json()["schema"] == "hil.timeline/1"
            node.boot()
            assert timeline.first("ready") is not ready
        """)
    inner.run().assert_outcomes(passed=1)


def test_a_boot_knows_its_tests_and_a_test_its_boots(inner):
    inner.pytester.makepyfile(
        test_x="""
        def test_a(node): node.ensure()
        def test_b(node): node.boot()
        def test_c(node): pass
        """
    )
    inner.run().assert_outcomes(passed=3)
    records = sorted(inner.pytester.path.glob("hil-artifacts/*/*/boot.json"))
    assert [json.loads(record.read_text())["runs"] for record in records] == [
        ["test_x.py::test_a", "test_x.py::test_b"],
        ["test_x.py::test_b", "test_x.py::test_c"],
    ]
    of = {
        case.get("name"): [(each.get("name"), each.get("value")) for each in case.iter("property")]
        for case in inner.cases()
    }
    first = [
        ("hil_rig", "virt"),
        ("hil_node", "n1"),
        ("hil_image", "own"),
        ("hil_boot", "1"),
        ("hil_folder", str(records[0].parent)),
        ("hil_verdict", "ready"),
        ("hil_seconds_to_ready", "2.500"),
    ]
    assert of["test_a"] == first
    assert of["test_b"][:7] == first
    assert of["test_b"][7:] == of["test_c"]
    assert ("hil_boot", "2") in of["test_c"]


def test_what_is_not_ready_shows_its_table_of_conditions(inner):
    inner.pytester.makepyfile("def test_a(node):\n    assert node.ready()")
    result = inner.run()
    result.assert_outcomes(failed=1)
    (case,) = inner.cases()
    (failure,) = case.iter("failure")
    for shown in (result.stdout.str(), failure.text):
        assert "hil: n1: conditions" in shown
        assert "n1: not ready: 1 of 1 conditions do not hold, waited at most 5 s\n" in shown
        assert "  talos.stage  FALSE  running   booting   api\n" in shown
        assert "E       assert n1: not ready: 1 of 1 conditions do not hold, waited at most 5 s\n" in shown
        assert "E         talos.stage  FALSE  running   booting   api\n" in shown
        assert "E        +  where (the above) = ready()\n" in shown


def test_a_failed_boot_in_the_record_of_its_test(inner):
    inner.setenv("STUB_REFUSE", "NodeError")
    inner.pytester.makepyfile("def test_a(node, record_property):\n    record_property('mine', 1)\n    node.ensure()")
    result = inner.run()
    result.assert_outcomes(failed=1)
    (case,) = inner.cases()
    properties = {each.get("name"): each.get("value") for each in case.iter("property")}
    assert properties["mine"] == "1"
    assert properties["hil_verdict"] == "failed"
    assert "hil_seconds_to_ready" not in properties
    (failure,) = case.iter("failure")
    for shown in (result.stdout.str(), failure.text):
        assert "hil: n1: last lines of the console" in shown
        assert "line 109 of the console" in shown
        assert "hil: n1: timeline of boot 1" in shown
        assert "firmware was seen" in shown
        assert properties["hil_folder"] in shown


def test_a_test_that_passes_shows_nothing(inner):
    inner.pytester.makepyfile("def test_a(node): node.ensure()")
    inner.run("-rA").stdout.no_fnmatch_line("*hil: n1*")


def test_workers_have_a_bench_each(inner):
    text = "def test_a(node): node.ensure()\ndef test_b(node): node.ensure()"
    inner.pytester.makepyfile(test_1=text, test_2=text)
    result = inner.run_workers("-n2", "--dist=loadfile", "--hil-keep")
    result.assert_outcomes(passed=4)
    events = inner.events()
    assert events.count("closed") == events.count("n1 boot 1 own") == 2
    assert all(
        {"hil_node", "hil_boot"} <= {each.get("name") for each in case.iter("property")} for case in inner.cases()
    )
    kept = [line for line in result.outlines if line.startswith("bench stub-1 goes on")]
    assert len(kept) == 2


@pytest.mark.parametrize("kind", ["InfrastructureError", "UsageError"])
def test_a_bench_that_does_not_open(inner, kind):
    inner.setenv("STUB_OPEN", kind)
    inner.pytester.makepyfile("def test_a(node): pass\ndef test_b(node): pass")
    result = inner.run()
    result.assert_outcomes(errors=2 if kind == "InfrastructureError" else 1)
    assert [event.split()[0] for event in inner.events()] == ["rig", "open"], "it is tried once"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("place", ["call", "setup"])
def test_a_signal_closes_the_bench(inner, number, place):
    inner.pytester.makepyfile(f"""
        import pytest, signal
        @pytest.fixture
        def around(node):
            if {place!r} == "setup":
                print("now", flush=True)
                signal.pause()
        def test_a(node, around):
            print("now", flush=True)
            signal.pause()
        """)
    with inner.start("-s") as process:
        try:
            assert process.stdout is not None
            while "now" not in process.stdout.readline():
                pass
            process.send_signal(number)
            rest = process.communicate(timeout=20)[0]
        except (AssertionError, subprocess.TimeoutExpired):
            process.kill()
            raise
    assert process.returncode == 2
    assert "KeyboardInterrupt" in rest or "SIGTERM" in rest
    assert inner.events()[-1] == "closed"


def test_a_handler_of_sigterm_that_is_there_stays(inner):
    inner.pytester.makepyfile("""
        import signal
        def mine(number, frame): pass
        signal.signal(signal.SIGTERM, mine)
        def test_a(bench): assert signal.getsignal(signal.SIGTERM) is mine
        """)
    try:
        inner.run().assert_outcomes(passed=1)
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def test_sigterm_is_as_before_when_the_bench_is_closed(inner):
    inner.pytester.makepyfile("def test_a(bench): pass")
    before = signal.getsignal(signal.SIGTERM)
    inner.run().assert_outcomes(passed=1)
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize(("option", "waited"), [("--hil-wait", "no time limit"), ("--hil-wait=2min", "120 s")])
def test_a_bench_that_is_waited_for(inner, option, waited):
    inner.pytester.makepyfile("def test(bench): pass")
    result = inner.run_workers(option)
    assert result.ret == 0
    assert inner.events()[2] == f"wait {waited}"
    # Once, however often it is told, and on the terminal although pytest captures.
    assert result.stderr.str().count("hil: waiting for the other one") == 1


def test_a_wait_that_is_no_time(inner):
    result = inner.run_workers("--hil-wait", "soon")
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*'soon' is not a time*"])
