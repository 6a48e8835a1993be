"""Methods that do harm, by mistake or on purpose: their code, and what it costs."""

from __future__ import annotations

from tests.cli import hostile_prying
from tests.cli.hostile import Kind

PLUGIN = '''
import contextlib, functools, multiprocessing, os, random, signal, sys, threading, time
from pathlib import Path

import numpy as np
import torch

import bench.harness.packing, bench.harness.worker
from bench.protocol import Knowledge, Method, MethodBase, Restoration

print("PRINTED on import")


class Good(Method):
    batch_size = 1

    def deblur(self, y):
        assert torch.is_grad_enabled() and torch.get_default_dtype() == torch.float32
        assert torch.get_num_threads() == 1
        assert bench.harness.packing.pack is bench.harness.worker.pack
        return Restoration(y)


class Silent(Good):
    """Used by the classes below: whatever they do, they answer in form."""

    def deblur(self, y):
        return Restoration(y)


class BatchSizeText(Good):
    batch_size = "16"


class BatchSizeZero(Good):
    batch_size = 0


class VersionNumber(Good):
    version = 1.5


class KnowsText(Good):
    knows = "everything"


class LyingKind(Good):
    kind = "oracle"


class NoKind(MethodBase):
    pass


class Abstract(Method):
    pass


class AssetsBytes(Good):
    @classmethod
    def assets(cls, task):
        return {"weights": b"digest"}


class AssetsNone(Good):
    @classmethod
    def assets(cls, task):
        return None


class AssetsExit(Good):
    @classmethod
    def assets(cls, task):
        sys.exit("no assets today")


class CheckSleeps(Good):
    @classmethod
    def check_available(cls, task):
        time.sleep(3600)


class CheckDies(Good):
    @classmethod
    def check_available(cls, task):
        os._exit(9)


class CheckDiesOnce(Silent):
    @classmethod
    def check_available(cls, task):
        with contextlib.suppress(FileExistsError):
            open("has-died-once", "x").close()
            os.kill(os.getpid(), signal.SIGKILL)


class CheckPrints(Silent):
    @classmethod
    def check_available(cls, task):
        print("PRINTED while planning")


class InitRaises(Good):
    def __init__(self, task):
        raise ValueError("not like this")


class Exits(Good):
    def deblur(self, y):
        sys.exit("enough")


class Interrupts(Good):
    def deblur(self, y):
        raise KeyboardInterrupt


class Dies(Good):
    def deblur(self, y):
        os._exit(5)


class Segfaults(Good):
    def deblur(self, y):
        os.kill(os.getpid(), signal.SIGSEGV)


class Sleeps(Good):
    def deblur(self, y):
        time.sleep(3600)


class ClosesDescriptors(Good):
    def deblur(self, y):
        os.closerange(3, 1024)
        time.sleep(3600)


class WritesEverywhere(Good):
    def deblur(self, y):
        for descriptor in range(3, 64):
            with contextlib.suppress(OSError):
                os.write(descriptor, b"\\x00\\x00\\x00\\x05hello")
        time.sleep(3600)


class StrangeText(Good):
    def deblur(self, y):
        raise ValueError("\\ud800 50%\\r100%\\x1b[31m | <b>\\n## heading")


class LongText(Good):
    def deblur(self, y):
        raise ValueError("x" * 5_000_000)


class NoText(Good):
    def deblur(self, y):
        class Odd(Exception):
            def __str__(self):
                raise RuntimeError
        raise Odd


class CloseRaises(Silent):
    def close(self):
        raise RuntimeError("never")


class CloseSleeps(Silent):
    def close(self):
        time.sleep(3600)


class ChangesState(Silent):
    def deblur(self, y):
        folder = os.getcwd()
        os.chdir("/")
        os.umask(0o777)
        os.environ.clear()
        torch.set_default_dtype(torch.float64)
        torch.set_grad_enabled(False)
        torch.manual_seed(1)
        assert folder == self.folder
        return Restoration(y)

    def __init__(self, task):
        super().__init__(task)
        self.folder = os.getcwd()


class DrawsGlobally(Good):
    """Its result must not depend on what was drawn before."""

    def deblur(self, y):
        drawn = torch.rand(1).item() + np.random.rand() + random.random()
        return Restoration(y, iterations=int(drawn * 1e6))


class DiesAfterwards(Silent):
    def deblur(self, y):
        threading.Timer(0.05, os._exit, [139]).start()
        return Restoration(y)


class HasChildren(Silent):
    def deblur(self, y):
        with multiprocessing.get_context("fork").Pool(2) as pool:
            assert pool.map(abs, [-1, -2]) == [1, 2]
        return Restoration(y)


class Prints(Silent):
    def deblur(self, y):
        print("PRINTED at work")
        os.system("echo PRINTED by a child")
        return Restoration(y)


class HalfAMessage(Good):
    """Announces an answer of 4,096 bytes and says five."""

    def deblur(self, y):
        for descriptor in range(3, 64):
            with contextlib.suppress(OSError):
                os.write(descriptor, b"\\x00\\x00\\x10\\x00hello")
        time.sleep(3600)


class Patches(Good):
    def deblur(self, y):
        bench.harness.worker.pack = bench.harness.packing.pack = lambda restoration: 1 / 0
        return Restoration(y)


class NoRestoration(Good):
    def deblur(self, y):
        return {"image": y}


def function(task):
    return Good(task)
'''
MODULES = {
    "prying": hostile_prying.PLUGIN,
    "hostile_exit": "import argparse\nargparse.ArgumentParser().parse_args(['--no', 'such'])\n",
    "hostile_interrupt": "raise KeyboardInterrupt\n",
    "hostile_death": "import os\nos._exit(7)\n",
    "hostile_sleep": "import time\ntime.sleep(3600)\n",
    "hostile_state": (
        "import torch, os, bench.harness.packing\ntorch.set_grad_enabled(False)\n"
        "torch.set_default_dtype(torch.float64)\n"
        "bench.harness.packing.IMAGE_LEVELS = 1\nos.umask(0o777)\n"
        "from hostile import Silent\nclass Changed(Silent): pass\n"
    ),
}

KINDS = {
    **hostile_prying.KINDS,
    **hostile_prying.KEPT_OUT,
    "good": Kind("hostile:Good", "ok"),
    "exit-on-import": Kind("hostile_exit:Gone", "unavailable", "SystemExit"),
    "interrupt-on-import": Kind("hostile_interrupt:Gone", "unavailable", "KeyboardInterrupt"),
    "death-on-import": Kind("hostile_death:Gone", words="died (exit code 7)"),
    "sleep-on-import": Kind("hostile_sleep:Gone", words="did not say what it can do within"),
    "state-on-import": Kind("hostile_state:Changed", "ok"),
    "missing-module": Kind("hostile_is_not_there:Gone", "unavailable", "ModuleNotFoundError"),
    "missing-class": Kind("hostile:Gone", "unavailable", "no attribute 'Gone'"),
    "no-class": Kind("hostile:function", words="which is no subclass of"),
    "other-class": Kind("pathlib:Path", words="which is no subclass of"),
    "no-kind": Kind("hostile:NoKind", words="neither a Method, an Oracle nor a Replay"),
    "abstract": Kind("hostile:Abstract", words="does not define deblur"),
    "batch-size-text": Kind("hostile:BatchSizeText", words="batch_size is '16'"),
    "batch-size-zero": Kind("hostile:BatchSizeZero", words="batch_size is 0"),
    "version-number": Kind("hostile:VersionNumber", words="version is 1.5"),
    "knows-text": Kind("hostile:KnowsText", words="knows is 'everything'"),
    "lying-kind": Kind("hostile:LyingKind", words="kind is 'oracle'"),
    "assets-bytes": Kind("hostile:AssetsBytes", words="assets gives {'weights': b'digest'}"),
    "assets-none": Kind("hostile:AssetsNone", words="assets gives None"),
    "assets-exit": Kind("hostile:AssetsExit", words="SystemExit: no assets today"),
    "check-sleeps": Kind("hostile:CheckSleeps", words="did not say what it can do within"),
    "check-dies-once": Kind("hostile:CheckDiesOnce", "ok"),
    "check-dies": Kind("hostile:CheckDies", words="died (exit code 9)"),
    "check-prints": Kind("hostile:CheckPrints", "ok"),
    "init-raises": Kind("hostile:InitRaises", words="ValueError: not like this"),
    "exits": Kind("hostile:Exits", words="SystemExit: enough"),
    "interrupts": Kind("hostile:Interrupts", words="KeyboardInterrupt"),
    "dies": Kind("hostile:Dies", words="died (exit code 5)"),
    "segfaults": Kind("hostile:Segfaults", words="died (exit code -11)"),
    "sleeps": Kind("hostile:Sleeps", words="longer than the time limit of 6 s"),
    "closes-descriptors": Kind("hostile:ClosesDescriptors", words="closed its connection"),
    "writes-everywhere": Kind("hostile:WritesEverywhere", words="sent no answer"),
    "strange-text": Kind("hostile:StrangeText", words=r"\ud800 50% 100%\x1b[31m"),
    "long-text": Kind("hostile:LongText", words="xxx … xxx"),
    "no-text": Kind("hostile:NoText", words="Odd: its message cannot be had"),
    "close-raises": Kind("hostile:CloseRaises", "ok"),
    "close-sleeps": Kind("hostile:CloseSleeps", "ok"),
    "changes-state": Kind("hostile:ChangesState", "ok"),
    "draws-globally": Kind("hostile:DrawsGlobally", "ok"),
    "dies-afterwards": Kind("hostile:DiesAfterwards", "ok"),
    "has-children": Kind("hostile:HasChildren", "ok"),
    "prints": Kind("hostile:Prints", "ok"),
    "half-a-message": Kind("hostile:HalfAMessage", words="died (exit code -9)"),
    "patches": Kind("hostile:Patches", words="ZeroDivisionError"),
    "no-restoration": Kind("hostile:NoRestoration", words="returned dict, not a Restoration"),
}
