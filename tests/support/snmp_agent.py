"""A program: pysnmp's own agent, with one PoE port (1.4) that delivers whatever it is told. `snmp_agent.py PORT`."""

from __future__ import annotations

import asyncio
import sys

from pysnmp.carrier.asyncio.dgram import udp
from pysnmp.entity import config, engine
from pysnmp.entity.rfc3413 import cmdrsp, context
from pysnmp.proto.rfc1902 import Integer32

MIB = (1, 3, 6, 1, 2, 1, 105)
ENTRY = (*MIB, 1, 1, 1)
V2C = 2


def main() -> None:
    """Answer until killed: the community "private" reads and writes, "public" reads."""
    asyncio.set_event_loop(asyncio.new_event_loop())
    agent = engine.SnmpEngine()
    line = udp.UdpTransport().open_server_mode(("127.0.0.1", int(sys.argv[1])))
    config.add_transport(agent, udp.DOMAIN_NAME, line)
    for community, writes in (("private", MIB), ("public", (1, 3, 6, 1, 99))):
        config.add_v1_system(agent, community, community)
        config.add_vacm_user(agent, V2C, community, "noAuthNoPriv", MIB, writes)
    objects = context.SnmpContext(agent)
    builder = objects.get_mib_instrum().get_mib_builder()
    scalar, instance = builder.import_symbols("SNMPv2-SMI", "MibScalar", "MibScalarInstance")
    for column, access, value in ((3, "read-write", 2), (6, "read-only", 3)):
        builder.export_symbols(
            f"column{column}",
            scalar((*ENTRY, column), Integer32()).setMaxAccess(access),
            instance((*ENTRY, column), (1, 4), Integer32(value)),
        )
    cmdrsp.GetCommandResponder(agent, objects)
    cmdrsp.SetCommandResponder(agent, objects)
    agent.transport_dispatcher.job_started(1)
    asyncio.get_event_loop().run_forever()


if __name__ == "__main__":
    main()
