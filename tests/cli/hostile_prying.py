"""Methods that look where they should not: their code, and what they find."""

from __future__ import annotations

from tests.cli.hostile import Kind

PLUGIN = '''
import os, signal

from bench.protocol import Method, Restoration
from hostile import Good, Silent


class Peeks(Good):
    def deblur(self, y):
        from bench.datasets.locations import data_folder
        raise RuntimeError(f"{os.environ.get('BENCH_DATA')} {data_folder()}")


class CheckPeeks(Good):
    @classmethod
    def check_available(cls, task):
        raise RuntimeError(f"{os.environ.get('BENCH_DATA')}")


class CheckDeclares(Silent):
    reads_data = True

    @classmethod
    def check_available(cls, task):
        assert os.environ["BENCH_DATA"] == os.environ["TRUTH"]


class ReadsByPath(Good):
    """Knows where the truth lies."""

    def deblur(self, y):
        truth = os.environ["TRUTH"]
        os.system(f"umount {truth} 2>/dev/null")
        found = os.listdir(truth)
        try:
            found += os.listdir(f"/proc/{os.getppid()}/root/{truth}")
        except PermissionError:
            found.append("no way round")
        raise RuntimeError(f"found {found}")


class KillsOthers(Good):
    def deblur(self, y):
        os.kill(int(os.environ["VICTIM"]), signal.SIGKILL)


class Declares(Good):
    reads_data = True

    def deblur(self, y):
        assert os.environ["BENCH_DATA"] == os.environ["TRUTH"]
        return Restoration(y)
'''
KINDS = {
    "peeks": Kind("prying:Peeks", words="/dev/null/undeclared /dev/null/undeclared"),
    "check-peeks": Kind("prying:CheckPeeks", words="RuntimeError: /dev/null/undeclared"),
    "check-declares": Kind("prying:CheckDeclares", "ok"),
    "declares": Kind("prying:Declares", "ok"),
}
KEPT_OUT = {
    "reads-by-path": Kind("prying:ReadsByPath", words="RuntimeError: found ['no way round']"),
    "kills-others": Kind("prying:KillsOthers", words="PermissionError"),
}
"""What only a system keeps them from that lets a process shut itself in."""
