"""Why a pod does not run, by its object alone, in words that a person understands. Pure.

Sources: k8s.io/api v0.34.4, core/v1: PodStatus, ContainerStatus; kubernetes v1.34.4, pkg/kubelet/images/types.go and
pkg/kubelet/container/sync_result.go: the reasons of a container that waits.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from hil.readiness.kubernetes.facts import PodTrouble
from hil.readiness.kubernetes.fields import Object, at, line, number, objects, text, truth
from hil.readiness.kubernetes.reading import name, statuses

WRONG_PROGRAM = "the image is built for another processor (exec format error)"
NO_ARM64 = "the image has no arm64 variant"

# The kernel's ENOEXEC (Linux, include/uapi/asm-generic/errno-base.h), in the words of each C library and Go.
_EXEC_FORMAT = re.compile(r"exec format error", re.IGNORECASE)
# containerd, core/images/image.go, and distribution's manifest list as dockerd reads it.
_NO_PLATFORM = re.compile(r"no match for platform in manifest|no matching manifest for linux/arm64", re.IGNORECASE)

EVENTS, LOG = "events", "log"
LISTED = 3
"""How many pods that do not run are told of one by one."""
_CRASHES = "CrashLoopBackOff"
# In these a pod's own object says nothing of why: its events do.
_TOLD_BY_EVENTS = frozenset({"ContainerCreating", "PodInitializing"})


def trouble(pod: Object) -> PodTrouble | None:
    """Why a pod does not run; None when it does, when it has done its work, or when it is being deleted."""
    phase = text(pod, "status", "phase")
    if phase == "Succeeded" or text(pod, "metadata", "deletionTimestamp"):
        return None
    if phase == "Failed":
        return next(_terminated(pod), None) or _of(pod, _failed(pod))
    ready = statuses(pod).get("Ready")
    if phase == "Running" and ready is not None and ready.status == "True":
        return None
    return next(_containers(pod), None) or _waits(pod, phase)


def named(words: str) -> str:
    """A message of the container runtime, and first of all what it means where it means a wrong processor."""
    if _EXEC_FORMAT.search(words):
        return f"{WRONG_PROGRAM}: {words}" if words else WRONG_PROGRAM
    if _NO_PLATFORM.search(words):
        return f"{NO_ARM64}: {words}"
    return words


def _of(pod: Object, why: str, container: str = "", told_by: str = "") -> PodTrouble:
    return PodTrouble(text(pod, "metadata", "namespace"), name(pod), why, container, told_by)


def _failed(pod: Object) -> str:
    reason, message = line(pod, "status", "reason"), line(pod, "status", "message")
    return named(": ".join(part for part in ("Failed", reason, message) if part))


def _states(pod: Object) -> Iterator[Object]:
    for kind in ("initContainerStatuses", "containerStatuses"):
        yield from objects(pod, "status", kind)


def _containers(pod: Object) -> Iterator[PodTrouble]:
    """What the containers say, those first that can do nothing by themselves to mend it."""
    states = list(_states(pod))
    waiting = [state for state in states if at(state, "state", "waiting") is not None]
    # All containers of a pod whose init container fails wait as PodInitializing, which tells nothing.
    waiting.sort(key=lambda state: text(state, "state", "waiting", "reason") in _TOLD_BY_EVENTS)
    for state in waiting:
        yield _waiting(pod, state)
    yield from _terminated(pod)
    for state in states:
        if at(state, "state", "running") is not None and not truth(state, "ready") and _is_main(pod, state):
            container = text(state, "name")
            yield _of(pod, f"{container} runs and is not ready: its readiness probe has not succeeded", container)


def _is_main(pod: Object, state: Object) -> bool:
    return any(state is main for main in objects(pod, "status", "containerStatuses"))


def _waiting(pod: Object, state: Object) -> PodTrouble:
    container = text(state, "name")
    reason, message = line(state, "state", "waiting", "reason"), line(state, "state", "waiting", "message")
    if reason == _CRASHES:
        last = _exit(at(state, "lastState", "terminated"))
        restarts = number(state, "restartCount") or 0
        times = f"{restarts} restart{'s' if restarts != 1 else ''}"
        return _of(pod, named(f"{container} crashes again and again ({times}); last: {last}"), container, LOG)
    words = ": ".join(part for part in (reason, message) if part) or "waits, and says no reason"
    silent = reason in _TOLD_BY_EVENTS and not message
    return _of(pod, named(f"{container}: {words}"), container, EVENTS if silent else "")


def _terminated(pod: Object) -> Iterator[PodTrouble]:
    for state in _states(pod):
        ended = at(state, "state", "terminated")
        if ended is not None and number(ended, "exitCode") != 0:
            container = text(state, "name")
            yield _of(pod, named(f"{container} ended: {_exit(ended)}"), container, LOG)


def _exit(ended: object) -> str:
    if ended is None:
        return "nothing is said of it"
    code, signal = number(ended, "exitCode"), number(ended, "signal")
    how = f"signal {signal}" if signal else "no exit code" if code is None else f"exit code {code}"
    return ", ".join(part for part in (line(ended, "reason"), how, line(ended, "message")) if part)


def _waits(pod: Object, phase: str) -> PodTrouble:
    found = statuses(pod)
    scheduled, ready = found.get("PodScheduled"), found.get("Ready")
    if scheduled is not None and scheduled.status == "False":
        return _of(pod, f"is placed on no node: {scheduled.words}")
    reason = ": ".join(part for part in (line(pod, "status", "reason"), line(pod, "status", "message")) if part)
    if reason:
        return _of(pod, named(f"{phase or 'no phase'}: {reason}"))
    if phase == "Running":
        return _of(pod, f"runs and is not ready: {'nothing is said of it' if ready is None else ready.words}")
    if phase == "Pending" and not text(pod, "spec", "nodeName"):
        return _of(pod, "is placed on no node yet: no scheduler has looked at it")
    return _of(pod, f"{phase or 'has no phase yet'}: its kubelet has not said why", told_by=EVENTS)
