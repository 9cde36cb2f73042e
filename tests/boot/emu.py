# SPDX-License-Identifier: GPL-2.0-or-later
"""Run an ISO in an emulator: start, watch the console, and always end.

QEMU (TCG or KVM) and Bochs are made to look alike: COM1 is a byte stream in
both directions, COM2, where wanted, a unix socket for gdb (or the reverse).
Every run has a directory and ports of its own, and the emulator dies with the
process that started it, however that ends.
"""
import os
import re
import selectors
import shutil
import signal
import socket
import subprocess
import tempfile
import time

OVMF = ["/usr/share/OVMF/OVMF_CODE.fd", "/usr/share/OVMF/OVMF_CODE_4M.fd"]
# Abyme's own ends: after either the machine stands still
PANIC = r"^abyme: PANIC:"
STOPPED = r"^abyme: stopped"
QEMU_TCG_CPU = "max,-smap,-rdtscp"
BOCHS_MODEL = {"bochs": "corei7_haswell_4770", "bochs-svm": "ryzen"}
# QEMU: an instruction is a virtual nanosecond and a tick of the TSC, so that a
# run with one CPU is the same every time
ICOUNT = ["-icount", "shift=0,sleep=off", "-seed", "7",
          "-rtc", "base=2026-01-01,clock=vm"]
EMULATORS = ["qemu", "bochs", "bochs-svm", "kvm"]


class Machine:
    """What to run. Sizes in MiB, times in seconds."""

    def __init__(self, emu="qemu", iso=None, cpus=1, mem=None, uefi=False,
                 cpu=None, gdb=0, extra=()):
        self.emu = emu
        self.iso = iso
        self.cpus = int(cpus)
        self.mem = int(mem or (512 if self.is_bochs() else 1024))
        self.uefi = uefi
        self.cpu = cpu
        self.gdb = gdb          # COM1 or COM2 is gdb's; 0: no COM2
        self.extra = list(extra)

    def is_bochs(self):
        return self.emu.startswith("bochs")

    def unavailable(self):
        """Why this machine cannot be run here, or None."""
        if self.emu == "kvm":
            if not os.access("/dev/kvm", os.R_OK | os.W_OK):
                return "no usable /dev/kvm"
            if not any(nested(m) for m in ("kvm_intel", "kvm_amd")):
                return "KVM on this machine does not nest (nested=0)"
        if self.is_bochs():
            if self.uefi:
                return "Bochs has no UEFI firmware"
            if not bochs_binary():
                return "Bochs is not installed"
        elif not shutil.which("qemu-system-x86_64"):
            return "QEMU is not installed"
        if self.uefi and not firmware():
            return "OVMF is not installed"
        return None


ENDS = {
    "exit": "the machine ended",
    "crash": "the emulator gave up",
    "stop": "the line that ends it",
    "stopped": "Abyme stopped",
    "panic": "Abyme panicked",
    "timeout": "the time was up",
}


class Result:
    def __init__(self):
        self.lines = []
        self.why = None     # see ENDS; interrupted: by the keyboard
        self.status = None      # of the emulator, if it ended by itself
        self.seconds = 0.0
        self.emulator_log = ""

    def text(self):
        return "\n".join(self.lines)


def nested(module):
    try:
        with open(f"/sys/module/{module}/parameters/nested") as f:
            return f.read().strip() in ("1", "Y")
    except OSError:
        return False


def firmware():
    return next((f for f in OVMF if os.path.exists(f)), None)


def bochs_binary():
    return shutil.which("bochs-bin") or shutil.which("bochs")


def bochs_version():
    out = subprocess.run([bochs_binary(), "--help", "features"],
                         capture_output=True, text=True,
                         stdin=subprocess.DEVNULL)
    m = re.search(r"Bochs x86 Emulator (\d+)\.(\d+)", out.stdout + out.stderr)
    return (int(m.group(1)), int(m.group(2))) if m else (2, 7)


def tied(command):
    """The command, which the kernel kills if this process dies."""
    return ["setpriv", "--pdeathsig", "KILL", "--"] + command


def listen():
    s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    s.bind(("127.0.0.1", 0))
    s.listen(1)
    s.settimeout(30)
    return s


class Qemu:
    def __init__(self, m, workdir):
        self.m = m
        self.workdir = workdir

    def command(self):
        m = self.m
        cmd = ["qemu-system-x86_64", "-machine", "q35", "-smp", str(m.cpus),
               "-m", str(m.mem), "-display", "none", "-no-reboot",
               "-nodefaults", "-no-user-config", "-vga", "std",
               "-cdrom", m.iso,
               "-device", "isa-debug-exit,iobase=0xf4,iosize=4"]
        if m.emu == "kvm":
            cmd += ["-accel", "kvm", "-cpu", m.cpu or "host"]
        else:
            # one host thread for all CPUs is steadier on a loaded machine
            cmd += ["-accel", "tcg,thread=single",
                    "-cpu", m.cpu or QEMU_TCG_CPU]
        if m.uefi:
            cmd += ["-drive", "if=pflash,format=raw,readonly=on,file="
                    + firmware()]
        serial = ["stdio"]
        if m.gdb:
            serial.insert(m.gdb - 1,
                          f"unix:{self.gdb_socket()},server=on,wait=off")
        for line in serial:
            cmd += ["-serial", line]
        return cmd + m.extra

    def gdb_socket(self):
        return f"{self.workdir}/gdb"

    def start(self):
        self.log = open(f"{self.workdir}/emulator.log", "w+b")
        self.process = subprocess.Popen(
            tied(self.command()), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=self.log, bufsize=0)
        self.reader = self.process.stdout
        self.read = lambda: os.read(self.reader.fileno(), 65536)
        self.write = self.process.stdin.write

    def register(self, selector):
        pass

    def close(self):
        for f in (self.process.stdin, self.process.stdout, self.log):
            f.close()


class Bochs:
    """Bochs connects to sockets of ours, which take any free port."""

    def __init__(self, m, workdir):
        self.m = m
        self.workdir = workdir
        self.console = listen()
        self.gdb = listen() if m.gdb else None
        self.bridge = None

    def config(self):
        m = self.m
        display = 'rfb, options="timeout=0"'
        if bochs_version() >= (3, 0):
            display = "nogui"
        lines = [
            "plugin_ctrl: unmapped=1, biosdev=1, serial=1, extfpuirq=1, "
            "speaker=0, parallel=0, gameport=0, iodebug=0",
            "config_interface: textconfig",
            f"display_library: {display}",
            f"memory: guest={m.mem}, host={m.mem}",
            "romimage: file=/usr/share/bochs/BIOS-bochs-latest",
            "vgaromimage: file=/usr/share/bochs/VGABIOS-lgpl-latest",
            f"cpu: model={m.cpu or BOCHS_MODEL[m.emu]}, count={m.cpus}, "
            "ips=100000000, reset_on_triple_fault=0, ignore_bad_msrs=1",
            "clock: sync=none, time0=946684800",
            "pci: enabled=1, chipset=i440fx",
            "vga: extension=vbe, update_freq=1, realtime=0",
            "ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14",
            "ata1: enabled=0",
            f"ata0-master: type=cdrom, path={m.iso}, status=inserted",
            "boot: cdrom",
            "port_e9_hack: enabled=1",
            f"log: {self.workdir}/bochs.log",
            "panic: action=fatal",
            "error: action=report",
            "info: action=report",
            "debug: action=ignore",
            "mouse: enabled=0",
        ]
        serial = [self.console]
        if m.gdb:
            serial.insert(m.gdb - 1, self.gdb)
        for i, s in enumerate(serial, 1):
            lines.append(f"com{i}: enabled=1, mode=socket-client, "
                         f"dev=127.0.0.1:{s.getsockname()[1]}")
        return "\n".join(lines + m.extra) + "\n"

    def gdb_socket(self):
        return f"{self.workdir}/gdb"

    def start(self):
        with open(f"{self.workdir}/bochsrc", "w") as f:
            f.write(self.config())
        cmd = [bochs_binary(), "-q", "-f", f"{self.workdir}/bochsrc"]
        if bochs_version() < (3, 0):
            # Debian's 2.7 is a debugger build: have it run at once
            with open(f"{self.workdir}/dbg", "w") as f:
                f.write("c\nquit\n")
            cmd += ["-rc", f"{self.workdir}/dbg"]
        self.log = open(f"{self.workdir}/emulator.log", "w+b")
        self.process = subprocess.Popen(
            tied(cmd), stdin=subprocess.DEVNULL, stdout=self.log,
            stderr=subprocess.STDOUT)
        self.reader = self._accept(self.console)
        self.read = lambda: self._recv(self.reader)
        self.write = self.reader.sendall
        if self.gdb:
            self.bridge = Bridge(self._accept(self.gdb), self.gdb_socket())

    def _accept(self, listener):
        try:
            conn, _ = listener.accept()
        except OSError:
            self.process.kill()
            self.process.wait()
            raise RuntimeError("Bochs did not start:\n" + self.tail())
        listener.close()
        return conn

    @staticmethod
    def _recv(sock):
        try:
            return receive(sock)
        except OSError:
            return b""

    def tail(self):
        out = []
        for name in ("bochs.log", "emulator.log"):
            try:
                with open(f"{self.workdir}/{name}", errors="replace") as f:
                    out += f.read().splitlines()[-15:]
            except OSError:
                pass
        return "\n".join(out)

    def register(self, selector):
        if self.bridge:
            self.bridge.register(selector)

    def close(self):
        self.reader.close()
        self.log.close()
        if self.bridge:
            self.bridge.close()


def receive(sock):
    """What Bochs has sent. It sends a byte at a time, and TCP keeps back all
    but the first until that one is acknowledged: at once, then, not after the
    usual 40 ms, which every answer to gdb would take."""
    data = sock.recv(65536)
    if data:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
    return data


class Bridge:
    """Carries bytes between Bochs' COM2 and whoever opens the unix socket."""

    def __init__(self, serial, path):
        self.serial = serial
        self.server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.server.bind(path)
        self.server.listen(1)
        self.peer = None

    def register(self, selector):
        self.selector = selector
        selector.register(self.serial, selectors.EVENT_READ, self.from_serial)
        selector.register(self.server, selectors.EVENT_READ, self.connect)

    def connect(self):
        conn, _ = self.server.accept()
        if self.peer:
            conn.close()
            return
        self.peer = conn
        self.selector.register(conn, selectors.EVENT_READ, self.from_peer)

    def from_serial(self):
        data = receive(self.serial)
        if not data:
            self.selector.unregister(self.serial)
        elif self.peer:
            try:
                self.peer.sendall(data)
            except OSError:
                self.hang_up()

    def from_peer(self):
        if not self.peer:
            return      # hung up by from_serial() in this very round
        try:
            data = self.peer.recv(65536)
        except OSError:
            data = b""
        if data:
            self.serial.sendall(data)
        else:
            self.hang_up()

    def hang_up(self):
        self.selector.unregister(self.peer)
        self.peer.close()
        self.peer = None

    def close(self):
        for s in (self.serial, self.server, self.peer):
            if s:
                s.close()


class Console:
    """Splits the byte stream into lines; echoes and logs it as it comes."""

    def __init__(self, result, echo=None, log=None):
        self.result = result
        self.echo = echo
        self.log = log
        self.partial = ""

    def feed(self, data):
        if self.log:
            self.log.write(data)
            self.log.flush()
        if self.echo:
            self.echo(data)
        text = self.partial + data.decode("utf-8", "replace")
        *lines, self.partial = text.split("\n")
        lines = [clean(line) for line in lines]
        self.result.lines += lines
        return lines

    def end(self):
        if self.partial:
            self.result.lines.append(clean(self.partial))
        self.partial = ""


def clean(line):
    """Without carriage returns and terminal escapes (firmware clears)."""
    return re.sub(r"\x1b\[[0-9;?=]*[A-Za-z]|\r", "", line)


class Run:
    """One run of a machine.

    stop: a console line that ends the run when it has come so many times;
    grace: seconds that are still read after it, or after a panic. The run
    also ends with the emulator, or at timeout: seconds of the emulator's CPU
    time, so that a loaded machine does not make a good run bad, or patience
    times as many on the clock.
    """

    def __init__(self, machine, timeout=300, patience=1.0, stop=None,
                 times=1, grace=2.0,
                 echo=None, log=None, keyboard=None, started=None):
        self.machine = machine
        self.timeout = timeout
        self.patience = patience
        self.stop = re.compile(stop) if stop else None
        self.times = times
        self.grace = grace
        self.echo = echo
        self.log = log
        self.keyboard = keyboard
        self.started = started

    def go(self):
        result = Result()
        workdir = tempfile.mkdtemp(prefix="abyme-")
        kind = Bochs if self.machine.is_bochs() else Qemu
        self.emulator = kind(self.machine, workdir)
        begin = time.monotonic()
        log = open(self.log, "wb") if self.log else None
        try:
            self.emulator.start()
            try:
                if self.started:
                    self.started(self.emulator)
                self._watch(Console(result, self.echo, log), result, begin)
            finally:
                self._end(result)
        finally:
            result.seconds = time.monotonic() - begin
            result.emulator_log = emulator_log(workdir)
            if result.why == "exit" and crashed(workdir):
                result.why = "crash"
            if log:
                log.close()
            shutil.rmtree(workdir, ignore_errors=True)
        return result

    def _watch(self, console, result, begin):
        e = self.emulator
        selector = selectors.DefaultSelector()
        selector.register(e.reader, selectors.EVENT_READ, "console")
        if self.keyboard is not None:
            selector.register(self.keyboard, selectors.EVENT_READ, "keyboard")
        e.register(selector)
        deadline = begin + self.timeout * self.patience
        while result.why != "exit":
            left = deadline - time.monotonic()
            if left <= 0 or cpu_time(e.process.pid) > self.timeout:
                result.why = result.why or "timeout"
                break
            for key, _ in selector.select(min(left, 1.0)):
                if key.data == "console":
                    data = e.read()
                    if not data:
                        result.why = result.why or "exit"
                        console.end()
                        return
                    why = self._judge(console.feed(data))
                    if why and not result.why:
                        result.why = why
                        deadline = min(deadline,
                                       time.monotonic() + self.grace)
                elif key.data == "keyboard":
                    keys = os.read(self.keyboard, 4096)
                    if not keys:
                        selector.unregister(self.keyboard)
                    elif b"\x1d" in keys:       # Ctrl-]
                        result.why = "interrupted"
                        return
                    else:
                        e.write(keys)
                else:
                    key.data()
        console.end()

    def _judge(self, lines):
        for line in lines:
            if re.match(PANIC, line):
                return "panic"
            if self.stop and self.stop.search(line):
                self.times -= 1
                if self.times == 0:
                    return "stop"
                continue
            if re.match(STOPPED, line):
                return "stopped"
        return None

    def _end(self, result):
        p = self.emulator.process
        if result.why == "exit":
            try:
                result.status = p.wait(10)
            except subprocess.TimeoutExpired:
                pass
        if p.poll() is None:
            p.kill()
            p.wait()
        self.emulator.close()


def crashed(workdir):
    """Did Bochs give up? A guest's power-off looks much the same there."""
    try:
        with open(f"{workdir}/bochs.log", errors="replace") as f:
            panics = [s for s in f if ">>PANIC<<" in s]
    except OSError:
        return False
    return any("shutdown requested" not in s and "soft power off" not in s
               for s in panics)


def cpu_time(pid):
    """Seconds of CPU time that a process of ours used."""
    try:
        with open(f"/proc/{pid}/stat") as f:
            fields = f.read().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def emulator_log(workdir):
    """What the emulator itself had to say, last lines, for a failure."""
    out = []
    for name in ("emulator.log", "bochs.log"):
        path = f"{workdir}/{name}"
        if os.path.exists(path):
            with open(path, errors="replace") as f:
                lines = f.read().splitlines()
            if name == "bochs.log":
                lines = [s for s in lines if "PANIC" in s or "e[CPU" in s
                         or "VMFAIL" in s or "VMENTER" in s]
            out += lines[-10:]
    return "\n".join(out)
