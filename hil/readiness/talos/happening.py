"""What one event of Talos says, in a few words. Imports protobuf, so import it late."""

from __future__ import annotations

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError, Message

from hil.readiness.talos.proto import machine_pb2
from hil.readiness.talos.proto.machine_pb2 import Event

_KINDS = {
    name: message
    for name in machine_pb2.DESCRIPTOR.message_types_by_name
    if name.endswith("Event") and issubclass(message := getattr(machine_pb2, name), Message)
}


def read_event(event: Event) -> tuple[str, str]:
    """Its kind, as "PhaseEvent", and what it says.

    The first event of a stream is empty, and so is its kind (machinery v1.13.9, client, EventsWatchV2 swallows it). A
    type that is not known here keeps its name and says nothing: its URL is talos/runtime/machine.KIND.
    """
    kind = event.data.type_url.rpartition("/")[2].rpartition(".")[2]
    if kind not in _KINDS:
        return kind, ""
    try:
        return kind, _words(_KINDS[kind].FromString(event.data.value))
    except DecodeError:
        return kind, "(what cannot be read)"


def _words(message: Message) -> str:
    """Its fields; an enum always, as its first value counts too, all else where it is set."""
    words = []
    present = {field.name for field, _ in message.ListFields()}
    for field in message.DESCRIPTOR.fields:
        value = getattr(message, field.name)
        if field.type == FieldDescriptor.TYPE_ENUM:
            known = field.enum_type.values_by_number.get(value) if field.enum_type else None
            words.append(str(value) if known is None else known.name.lower())
        elif field.name not in present:
            continue
        elif field.is_repeated:
            items = [_words(item) if isinstance(item, Message) else str(item) for item in value]
            words.append(f"{field.name}: {', '.join(items)}")
        elif isinstance(value, Message):
            words.append(_words(value))
        elif field.type == FieldDescriptor.TYPE_BOOL:
            words.append(field.name)
        else:
            words.append(" ".join(str(value).split()))
    return " ".join(word for word in words if word)
