"""What goes over the wire to Talos: messages and services, as generated code beside the .proto files they come from.

Only the messages and fields that are used; what else a node sends is skipped, as protobuf does. After any change of a
.proto file make the code anew, from the checkout's root (a test compares):

    .hil/venv/bin/python -m hil.readiness.talos.proto.generate
"""
