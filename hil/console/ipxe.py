"""What an iPXE error code says. Pure data and arithmetic; knows no console.

A code is built as iPXE's src/include/errno.h describes: bits 30-24 are a POSIX error, 23-13 the source file,
12-8 which of several causes in that file, 7-0 the platform's own error. File numbers are from
src/include/ipxe/errfile.h, causes from the files themselves.
"""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass

# In iPXE's own numbering, from 0; the names are POSIX's.
_NAMES = (
    "ENOERR E2BIG EACCES EADDRINUSE EADDRNOTAVAIL EAFNOSUPPORT EAGAIN EALREADY EBADF EBADMSG EBUSY "
    "ECANCELED ECHILD ECONNABORTED ECONNREFUSED ECONNRESET EDEADLK EDESTADDRREQ EDOM EDQUOT EEXIST EFAULT "
    "EFBIG EHOSTUNREACH EIDRM EILSEQ EINPROGRESS EINTR EINVAL EIO EISCONN EISDIR ELOOP EMFILE EMLINK "
    "EMSGSIZE EMULTIHOP ENAMETOOLONG ENETDOWN ENETRESET ENETUNREACH ENFILE ENOBUFS ENODATA ENODEV ENOENT "
    "ENOEXEC ENOLCK ENOLINK ENOMEM ENOMSG ENOPROTOOPT ENOSPC ENOSR ENOSTR ENOSYS ENOTCONN ENOTDIR "
    "ENOTEMPTY ENOTSOCK ENOTSUP ENOTTY ENXIO EOPNOTSUPP EOVERFLOW EPERM EPIPE EPROTO EPROTONOSUPPORT "
    "EPROTOTYPE ERANGE EROFS ESPIPE ESRCH ESTALE ETIME ETIMEDOUT ETXTBSY EWOULDBLOCK EXDEV "
)
_POSIX = _NAMES.split()

_FILES = {
    0x008000: "image loading",
    0x026000: "DHCP options",
    0x028000: "script",
    0x03E000: "autoboot",
    0x04E000: "DHCP",
    0x056000: "IPv4",
    0x066000: "IPv6",
    0x086000: "network device",
    0x092000: "opening a URI",
    0x0A6000: "TCP",
    0x0C6000: "HTTP",
    0x0DE000: "TLS",
    0x0EE000: "interface configuration",
    0x106000: "DHCP",
    0x116000: "DNS",
    0x126000: "TFTP",
    0x16E000: "X.509 certificates",
}


@dataclass(frozen=True, slots=True)
class Meaning:
    """What an error code stands for.

    Args:
        name: the POSIX error, as ENOENT; "error 0x7f" where iPXE has none.
        words: that error in words.
        area: the part of iPXE that reports it, or "".
    """

    name: str
    words: str
    area: str


def decode(code: int) -> Meaning:
    """Take a code apart that iPXE printed, as in https://ipxe.org/2d0c618e: 0 to 0xffffffff; never fails."""
    posix = code >> 24 & 0x7F
    area = _FILES.get(code & 0xFFE000, "")
    if posix >= len(_POSIX):
        return Meaning(f"error {posix:#04x}", "an error of the firmware", area)
    name = _POSIX[posix]
    return Meaning(name, os.strerror(getattr(errno, name, 0)), area)


@dataclass(frozen=True, slots=True)
class Known:
    """An error that has a usual cause.

    Args:
        name: of the death pattern.
        code: regular expression of the eight digits, as bytes.
        meaning: what happened.
        hint: what to do.
        fault: who is to act: "node" where what was given to boot is wrong, "bench" where the bench is.
    """

    name: str
    code: bytes
    meaning: str
    hint: str
    fault: str = "node"


KNOWN: tuple[Known, ...] = (
    Known(
        "iPXE HTTP 404",
        rb"2d0c61..",
        "the HTTP server answered 404, not found",
        "if the URL is Matchbox's /ipxe, no group selects this machine: compare the labels in the URL with "
        "the groups' selectors; else see that the file is in the assets folder under exactly this path",
    ),
    Known(
        "iPXE HTTP 401 or 403",
        rb"(?:02|41)0c61..",
        "the HTTP server refuses access",
        "let it serve this path without a login",
    ),
    Known(
        "iPXE short transfer",
        rb"1d0c62..",
        "fewer or more bytes came than the HTTP server had announced",
        "see whether the file changes while it is served, or the server ended",
    ),
    Known(
        "iPXE HTTP error",
        rb"1d0c6[145]..",
        "the HTTP server answered with an error",
        "read the HTTP server's own log",
    ),
    Known(
        "iPXE TFTP file not found",
        rb"2d126...",
        "the TFTP server does not have this file",
        "see that the boot file name of the DHCP answer is the file's path below the TFTP root",
    ),
    Known(
        "iPXE DNS",
        rb"3e116...",
        "the name in the URL cannot be resolved",
        "use an address in the URL, or give the machine a name server that knows the name",
    ),
    Known(
        "iPXE connection refused",
        rb"0e......",
        "nobody listens at the URL's address and port, or it is not let through to this machine",
        "compare host and port in the URL with where the rig serves",
    ),
    Known(
        "iPXE connection reset",
        rb"0f......",
        "the server ended the connection",
        "read the server's own log; it may have ended",
    ),
    Known(
        "iPXE timeout",
        rb"4c......",
        "no answer came from the URL's address",
        "compare the address in the URL with those the rig serves; anything else is not reachable from the node",
    ),
    Known(
        "iPXE unreachable",
        rb"(?:28|17)......",
        "there is no route to the URL's address",
        "configure the interface first (`ifopen net0` and `dhcp net0` in the script), and see that the "
        "address is in the node's network or behind its gateway",
    ),
    Known(
        "iPXE no DHCP answer",
        rb"040ee1..",
        "no DHCP server gave this machine an address",
        "see that the segment's DHCP server runs, and that the machine's cable is in this segment",
        fault="bench",
    ),
    Known(
        "iPXE nothing to boot",
        rb"2d03e1..",
        "the DHCP answer names no boot file and no root path",
        "let DHCP give iPXE the URL of Matchbox's boot.ipxe, or put autoexec.ipxe beside the NBP",
    ),
    Known(
        "iPXE exec format",
        rb"2e......",
        "what was fetched is nothing that this machine can start: a kernel of another architecture, or no kernel",
        "give it an arm64 kernel Image with an EFI stub; `file` tells what a file is",
    ),
    # iPXE src/image/efi_image.c: the firmware's LoadImage (cause 1) or StartImage (2) refused; the last two digits are
    # its EFI status (UEFI Specification 2.10, appendix D), 83 for EFI_UNSUPPORTED, 9a for EFI_SECURITY_VIOLATION.
    Known(
        "iPXE EFI image not loaded",
        rb"7f0481..",
        "the firmware cannot load the kernel that was fetched: it is for another architecture, cut short, or no EFI"
        " program",
        "give it a whole arm64 kernel Image with an EFI stub: `file` tells what a file is, its sha256 whether all of"
        " it is there",
    ),
    Known(
        "iPXE EFI image not started",
        rb"7f0482..",
        "the kernel that was fetched was loaded, and gave up before it had begun",
        "read what it printed before; its EFI stub says what it lacks, as memory or a boot parameter",
    ),
    # iPXE src/core/parseopt.c returns it for a command that got too few arguments or too many.
    Known(
        "iPXE command line",
        rb"461620..",
        "a command of its script has too few or too many arguments",
        "read the usage that it printed before; a Matchbox profile without a kernel gives a `kernel` command without"
        " arguments",
    ),
    Known(
        "iPXE out of memory",
        rb"31......",
        "the machine's memory is too small for what was fetched",
        "give it more memory, or a smaller initrd",
    ),
)
