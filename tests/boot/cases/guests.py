# SPDX-License-Identifier: GPL-2.0-or-later
"""The small L1s of tests/guests, each as build/guests/NAME.elf.

A guest runs in QEMU and in Bochs with one CPU, unless its source says
otherwise in a line (several lines: several tests, told apart by name=):

    /* boot: emus=qemu,bochs-svm cpus=2 mem=512 timeout=60 name=two */

Further words: hv=... and append=... ("+" stands for a space), modules=N,
bare (also run without Abyme, where it must give the same), only-bare.
"""
import glob
import os
import re

from case import ROOT, Failure, case, path

KEYS = {"cpus": int, "mem": int, "timeout": float, "cpu": str}
TEXT_KEYS = ("hv", "append")
DEFAULT = ""
# these have cases of their own
ELSEWHERE = {"same", "svm-regs", "svm-views", "triple", "uart", "vmx-regs",
             "vmx-views", "watch-cpus"}


def counted(_, result):
    """The guest's own closing line must agree with its lines."""
    for line in result.lines:
        m = re.match(r"guest \S+: (\d+) passed, (\d+) failed", line)
        if m:
            break
    else:
        raise Failure("the guest did not reach its end")
    passed = sum(line.startswith("PASS ") for line in result.lines)
    failed = sum(line.startswith("FAIL ") for line in result.lines)
    if (passed, failed) != (int(m.group(1)), int(m.group(2))):
        raise Failure(f"{passed} PASS, {failed} FAIL, but: {m.group(0)}")
    if failed or not passed:
        raise Failure(m.group(0))
    return f"{passed} checks"


def row(name, words):
    fields = dict(l1=path("guests", f"{name}.elf"), check=counted,
                  timeout=30, forbid=[r"^FAIL "])
    label, bare = name, False
    for word in words.split():
        key, _, value = word.partition("=")
        if key == "emus":
            fields["emus"] = value.split(",")
        elif key == "name":
            label = f"{name}-{value}"
        elif key in KEYS:
            fields[key] = KEYS[key](value)
        elif key in TEXT_KEYS:
            fields[key] = value.replace("+", " ")
        elif key == "modules":
            fields["modules"] = [(path("guests", f"module{i + 1}"),
                                  f"mod{i + 1} second word")
                                 for i in range(int(value))]
        elif key == "bare":
            bare = True
        elif key == "only-bare":
            fields["bare"] = True
        else:
            raise SystemExit(f"tests/guests: {name}: what is {word}?")
    case(f"guest-{label}", **fields)
    if bare:
        fields["bare"] = True
        case(f"bare-{label}", **fields)


def sources(name):
    """The guest's source: its own, or the one that it shares by a prefix."""
    while name:
        for ext in ("c", "S"):
            p = os.path.join(ROOT, "tests/guests", f"{name}.{ext}")
            if os.path.exists(p):
                return p
        name = name.rpartition("-")[0]
    return None


def rows(name):
    source = sources(name)
    if not source:
        return [DEFAULT]
    with open(source) as f:
        found = re.findall(r"^/\* boot: (.*) \*/$", f.read(), re.M)
    return found or [DEFAULT]


for elf in sorted(glob.glob(path("guests", "*.elf"))):
    guest = os.path.basename(elf)[:-len(".elf")]
    if guest in ELSEWHERE or guest.startswith("bench"):
        continue        # make bench runs the latter
    for words_ in rows(guest):
        row(guest, words_)
