"""Whatever a server answers, and however, no round of questions is a traceback, and nothing odd makes a node ready."""

from __future__ import annotations

import json
from contextlib import closing

from hypothesis import given, settings
from hypothesis import strategies as st
from support import kubernetes_objects as made
from support.fake_kubernetes import FakeCluster, base, serving

from hil.clock import Deadline
from hil.config.expect.cozystack import CozystackExpect
from hil.config.expect.kubernetes import KubernetesExpect
from hil.readiness.condition import Condition
from hil.readiness.cozystack import asking as of_cozystack
from hil.readiness.cozystack.conditions import conditions as cozystack_conditions
from hil.readiness.kubernetes import asking, kinds
from hil.readiness.kubernetes.api import KubernetesApi
from hil.readiness.kubernetes.conditions import conditions

EXPECT = KubernetesExpect(version="v1.34.4", runtime_classes={"a": "b"}, pods="all")
COZYSTACK = CozystackExpect()
KINDS = (
    *(kinds.NODE, kinds.POD, kinds.LEASE, kinds.RUNTIME_CLASS, kinds.EVENT),
    *(kinds.CRD, kinds.PACKAGE, kinds.PACKAGE_SOURCE, kinds.HELM_RELEASE, kinds.API_SERVICE),
)

_KEYS = st.sampled_from(["items", "metadata", "continue", "name", "status", "spec", "conditions", "type", "message"])
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=4),
    max_leaves=12,
)
# A list that says that it goes on is asked on for as long as the deadline lasts.
_BODIES = st.binary(max_size=30) | _JSON.map(json.dumps).filter(lambda text: "continue" not in text).map(str.encode)


def looked(cluster: FakeCluster) -> list[Condition]:
    with closing(KubernetesApi(lambda _: cluster.access())) as api:
        deadline = Deadline.after(20.0)
        node = conditions(asking.ask(api, made.NODE, EXPECT, deadline), made.NODE, EXPECT, 1)
        return [*node, *cozystack_conditions(of_cozystack.ask(api, COZYSTACK, deadline), COZYSTACK, 1)]


def test_no_answer_is_a_traceback() -> None:
    with serving() as cluster:
        cluster.knows(*KINDS)

        @settings(max_examples=25, deadline=None)
        @given(
            status=st.sampled_from([200, 201, 301, 400, 401, 403, 404, 409, 429, 500, 503]),
            kind=st.sampled_from(["application/json", "text/html", ""]),
            body=_BODIES,
        )
        def answers(status: int, kind: str, body: bytes) -> None:
            cluster.raw = {base(one): (status, kind, body) for one in KINDS}
            found = {one.name: one for one in looked(cluster)}
            assert not found["kubernetes.node"].holds
            assert all("\n" not in one.observed for one in found.values())

        answers()


def test_a_list_that_never_ends_is_left_at_the_deadline() -> None:
    with serving() as cluster:
        cluster.raw[base(kinds.POD)] = (200, "application/json", b'{"metadata": {"continue": "more"}, "items": [{}]}')
        cluster.knows(kinds.NODE, kinds.POD)
        with closing(KubernetesApi(lambda _: cluster.access())) as api:
            facts = asking.ask(api, made.NODE, KubernetesExpect(pods="all"), Deadline.after(0.5))
        (pods,) = [one for one in conditions(facts, made.NODE, EXPECT, 1) if one.name == "kubernetes.pods"]
        assert (pods.holds, "did not answer in time" in pods.observed) == (False, True)
