"""A Python without what it lacks on Windows: `python tests/support/windows.py count -d 8 -h 8 -r 2`.

The names are those that Python's documentation marks "Availability: Unix". That no other is used without being asked for
first is what `mypy --platform win32` checks.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from importlib import import_module

# Other packages have code of their own for Windows, so they are loaded before anything is removed.
LOADED = ("numpy", "rich.console", "typer")
MODULES = ("crypt", "fcntl", "grp", "pty", "pwd", "readline", "resource", "syslog", "termios", "tty")
FUNCTIONS = (
    "chown chroot confstr ctermid fchdir fchmod fchown fdatasync fork forkpty fpathconf fstatvfs get_blocking getegid "
    "geteuid getgid getgroups getloadavg getpgid getpgrp getpriority getresuid getsid getuid initgroups killpg lchown "
    "lockf major makedev memfd_create minor mkfifo mknod nice openpty pathconf pipe2 posix_spawn posix_spawnp pread preadv "
    "pwrite pwritev readv register_at_fork sched_getaffinity sched_setaffinity sched_yield sendfile set_blocking setegid "
    "seteuid setgid setgroups setpgid setpriority setsid setuid statvfs sync sysconf tcgetpgrp tcsetpgrp ttyname uname "
    "wait wait3 wait4 waitid writev"
)
FLAGS = "O_ASYNC O_CLOEXEC O_DIRECT O_DIRECTORY O_DSYNC O_NOATIME O_NOCTTY O_NOFOLLOW O_NONBLOCK O_NDELAY O_PATH O_SYNC"
SIGNALS = ("SIGINT", "SIGTERM", "SIGABRT", "SIGFPE", "SIGILL", "SIGSEGV", "SIG_DFL", "SIG_IGN")
ALARMS = "alarm getitimer pause pthread_kill pthread_sigmask setitimer sigpending sigtimedwait sigwait siginterrupt"


def remove_what_windows_lacks() -> None:
    """Make names of Unix unknown, and modules impossible to import."""
    for package in LOADED:
        import_module(package)
    sys.modules.update(dict.fromkeys(MODULES))  # type: ignore[arg-type]
    other_signals = [
        name for name in vars(signal) if name.startswith(("SIG", "ITIMER")) and name not in {*SIGNALS, "Signals"}
    ]
    lacking = {os: f"{FUNCTIONS} {FLAGS}".split(), signal: [*ALARMS.split(), *other_signals], time: ["tzset"]}
    for module, names in lacking.items():
        for name in set(names) & vars(module).keys():
            delattr(module, name)


if __name__ == "__main__":
    remove_what_windows_lacks()
    from lora_cli.cli import main

    sys.exit(main())
