#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""docs.py [check|run] FILE... - the code blocks of documents, run as a reader would.

Before each block stands what it is, where a reader doesn't see it: in Markdown
`<!-- ACTION -->` on the line before the fence, in a man page `.\\" ACTION` before .EX or
.nf. A block without is a mistake. Code in comments of headers has to compile. Each document
gets a copy of the folder TI_DOCS_HAS, one of sdk/examples of its own folder, and is done from
its first block to its last. ACTION is one of

  run [exit=N] [in=FOLDER]  commands, done when they end, which must be with N (0)
  run until=TEXT   each line by itself; `tcpinspect run` gets SIGINT when it has written
                   TEXT, and must end well
  start ready=TEXT commands that stay while others run, until their output was looked at;
                   ready once they have written TEXT
  output           what was started, or else the commands before, have written, in this order,
                   perhaps with more between; "..." is anything, and so are times, the host and
                   numbers over 9999
  file=NAME        becomes this file
  same=NAME        what stands in this file already
  change=NAME      a diff without line numbers: what it says with '-' and ' ' is there once
  check            a tcpinspect.ini, which `tcpinspect check` accepts
  compile=bpf|c    a piece of a .bpf.c or .c file that compiles, behind the usual #include
  shown: REASON    none of all this
"""
import html
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

ACTIONS = {"run", "start", "output", "file", "same", "change", "check", "compile", "shown"}
LIMIT = 60  # seconds a block may take

# Commands that are not run here, each with its reason.
NOT_RUN = {
    "sudo ./quickstart": "runs until Ctrl-C; ./runtests runs its demo",
    "sudo ./quickstart --demo": "./runtests runs it",
    "./bootstrap": "done before there is anything to test",
    "./configure && make && sudo make install": "what docs.sh begins with",
}


class Mistake(Exception):
    """What a document is to be blamed for."""


class Block:
    def __init__(self, where, action, text):
        self.where, self.text = where, text
        words = action.split(" ", 1)
        self.action, _, self.name = words[0].rstrip(":").partition("=")
        self.args = dict(re.findall(r"(\w+)=(\"[^\"]*\"|\S+)", words[1])) if len(words) > 1 else {}
        self.args = {k: v.strip('"') for k, v in self.args.items()}
        if self.action not in ACTIONS:
            raise Mistake(f"{where}: a block that nothing is said of: put one of "
                          f"{', '.join(sorted(ACTIONS))} before it, see docs.py")


def markdown(path, lines):
    fence, said, start, text, before = None, "", 0, [], ""
    for number, line in enumerate(lines, 1):
        if fence is None:
            m = re.match(r"(`{3,})(\w*)\s*$", line)
            if m:
                fence, start, text = m.group(1), number, []
            elif re.match(r"<!--.*-->$", line):
                said = html.unescape(line[4:-3].strip())
            elif re.match(r"(    |\t)", line) and not before.strip():
                raise Mistake(f"{path}:{number}: code stands between ``` and ```")
            elif line.strip():
                said = ""
            before = line
        elif line.rstrip() == fence:
            yield Block(f"{path}:{start}", said, "".join(text))
            fence, said = None, ""
        else:
            text.append(line)
    if fence is not None:
        raise Mistake(f"{path}:{start}: a block without an end")


ROFF = {r"\-": "-", r"\e": "\\", r"\&": "", r"\(aq": "'", r"\(dq": '"', r"\(ha": "^", r"\(ti": "~"}


def plain(line):
    """A line between .EX and .EE as the reader sees it."""
    line = re.sub(r"\\f[BIRP]", "", line)
    return re.sub(r"\\(?:\([a-z]{2}|.)", lambda m: ROFF[m.group()], line)


def manual(path, lines):
    inside, said, start, text = False, "", 0, []
    for number, line in enumerate(lines, 1):
        if re.match(r"\.(EX|nf)\b", line):
            inside, start, text = True, number, []
        elif re.match(r"\.(EE|fi)\b", line):
            yield Block(f"{path}:{start}", said, "".join(text))
            inside, said = False, ""
        elif inside:
            text.append(plain(line))
        elif line.startswith('.\\"'):
            said = line[3:].strip()
        elif not re.match(r"\.(PP|RS)\b", line):
            said = ""


# What a reader takes for granted in a header's comment.
TAKEN = {
    "synmss": 'struct synmss { ti_addr src_ip; ti_port dst_port; __u16 mss; };\nTI_EVENT(synmss, INFO, "");\n',
    "stats": "struct stats { __u64 n; };\n",
    "totals": "struct totals { ti_counter syns; };\nTI_METRICS(totals);\n",
    "port_totals": "struct by_port { ti_port port; };\nstruct port_totals { ti_counter port_syns; };\n"
                   "TI_METRICS_BY(port_totals, by_port, 256);\n",
    "rtt_ns": "struct taken { ti_histogram(8) rtt_ns; };\n",
}
# What only stands in a function.
STATEMENT = re.compile(r"^(?:TI_EMIT|TI_METRICS_OF|TI_OBSERVE|[\w ]+\*\w+ = TI_CPU|ti_test_|struct ti_test \*)", re.M)


def within(text, arguments):
    m = STATEMENT.search(text)
    return text if not m else f"{text[:m.start()]}static void piece({arguments})\n{{{{\n{text[m.start():]}}}}}\n"


def whole(text, bpf):
    """A piece of code in a header's comment, with what "..." leaves to the reader."""
    if not bpf:
        return within(text, "struct ti_test *t") if "ti_test" in text else text
    text = re.sub(r"struct \{ \.\.\. \}", "struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 1); "
                  "__type(key, __u32); __type(value, __u32); }", text)
    text = re.sub(r"^(TI_(?:ENTRY|RETURN|UENTRY|URETURN|SOCKOPS)\(.*\)) \{ \.\.\. \}", r"\1 { }", text, flags=re.M)
    text = re.sub(r"\{ \.\.\. \}", "{ return 0; }", text)
    text = re.sub(r"\.\.\. .*? \.\.\.|(?<![\w,(])\.\.\.(?!\))", ";", text)
    more = "".join(taken for name, taken in TAKEN.items()
                   if re.search(rf"\b{name}\b", text) and not re.search(rf"struct {name} \{{|\) {name}\b", text))
    m = ", struct taken *m" if "struct taken" in more else ""
    return more + within(text, f"struct ti_packet *pkt{m}, __u64 ns, __u64 mss")


def header(path, lines):
    """Code in its comments is indented by a tab."""
    name, text, start, last = os.path.basename(path), "", 0, 0
    bpf = name not in ("plugin.h", "sink.h", "option.h", "event.h", "testing.h")
    for number, line in enumerate(lines + ["\n"], 1):
        m = re.match(r" \*\t(.*)", line)
        if m:
            start = start if text else number
            text, last = text + m.group(1) + "\n", number
        elif text and not (line == " *\n" and number == last + 1):
            first = "" if name in text else f"#include <tcpinspect/{name}>\n"
            yield Block(f"{path}:{start}", f"compile={'bpf' if bpf else 'c'}", first + whole(text, bpf))
            text = ""


def blocks(path):
    kind = {".md": markdown, ".in": manual, ".h": header}[os.path.splitext(path)[1]]
    with open(path, encoding="utf-8") as f:
        return list(kind(path, f.readlines()))


def pattern(line):
    """The lines of output that a line of a document stands for."""
    line = re.escape(" ".join(line.split()))
    for what, stands_for in ((r"\\\.\\\.\\\.", ".*"), (r"\d{4}\\-\d\d\\-\d\dT[\d:]+(\\\.\d+)?Z", r"[-\\d:.TZ]+"),
                             (r"\b\d\d:\d\d:\d\d\\\.\d+", r"[\\d:.]+"), (r"\b\d{5,}\b", r"\\d+"),
                             (r'"host":"[^"]*"', '"host":"[^"]*"')):
        line = re.sub(what, stands_for, line)
    return re.compile(line)


def missing(expected, output):
    """The first line of expected that isn't in output; None: all are."""
    rest = iter(output.splitlines())
    for line in expected.splitlines():
        if not any(pattern(line).fullmatch(" ".join(o.split())) for o in rest):
            return line
    return None


class Reader:
    """Does what a document says, in an empty folder."""

    def __init__(self, folder):
        self.folder, self.process, self.n = folder, None, 0
        self.log = os.path.join(folder, ".output") # of what was started, or ended last

    def output(self):
        if not os.path.exists(self.log):
            return ""
        with open(self.log, encoding="utf-8", errors="replace") as f:
            return f.read()

    def spawn(self, commands, folder=""):
        log = self.log + ".beside" if self.process else self.log
        with open(log, "w") as out:
            return subprocess.Popen(["bash", "-eu", "-o", "pipefail", "-c", commands],
                                    cwd=os.path.join(self.folder, folder),
                                    stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True)

    def interrupt(self, process):
        """As Ctrl-C does; what it ends with."""
        try:
            os.killpg(process.pid, signal.SIGINT)
            return process.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return process.wait()

    def stop(self):
        process, self.process = self.process, None
        return self.interrupt(process) if process and process.poll() is None else 0

    def must_end(self, process, seconds, want):
        try:
            status = process.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise Mistake(f"still runs after {seconds} s")
        if status != want:
            raise Mistake(f"ends with {status}, not {want}")

    def run(self, block):
        commands = [c for c in re.sub(r"\\\n\s*", "", block.text).splitlines() if c.strip()]
        here = [c for c in commands if re.sub(r"\s+# .*", "", c).strip() not in NOT_RUN]
        if "until" not in block.args:
            text = block.text if here == commands else "\n".join(here)
            self.must_end(self.spawn(text, block.args.get("in", "")), LIMIT, int(block.args.get("exit", 0)))
            return
        for command in [re.sub(r"\s+# .*", "", c) for c in here]:
            process = self.spawn("exec " + re.sub(r"^sudo ", "", command))
            if "tcpinspect run" not in command:
                self.must_end(process, LIMIT, 0)
                continue
            self.await_text(process, block.args["until"])
            status = self.interrupt(process)
            if status:
                raise Mistake(f"'{command.strip()}' ends with {status}")

    def await_text(self, process, text):
        end = time.monotonic() + LIMIT
        while text not in self.output():
            if process.poll() is not None:
                raise Mistake(f"ends with {process.returncode}")
            if time.monotonic() > end:
                self.interrupt(process)
                raise Mistake(f"has not written '{text}' after {LIMIT} s")
            time.sleep(0.05)

    def start(self, block):
        self.stop()
        self.process = self.spawn(block.text)
        self.await_text(self.process, block.args["ready"])

    def compare(self, block):
        end = time.monotonic() + 15
        while (lacks := missing(block.text, self.output())) and self.process and time.monotonic() < end:
            time.sleep(0.05)
        status = self.stop()
        lacks = lacks and missing(block.text, self.output())
        if lacks:
            raise Mistake(f"the output has no line '{lacks}'")
        if status:
            raise Mistake(f"what was started ends with {status}")

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        return path

    def same(self, block):
        with open(os.path.join(self.folder, block.name), encoding="utf-8") as f:
            if f.read() != block.text:
                raise Mistake(f"{block.name} is not like this")

    def change(self, block):
        lines = block.text.splitlines(keepends=True)
        old = "".join(l[1:] for l in lines if l[0] in "- ")
        new = "".join(l[1:] for l in lines if l[0] in "+ ")
        with open(os.path.join(self.folder, block.name), encoding="utf-8") as f:
            whole = f.read()
        if whole.count(old) != 1:
            raise Mistake(f"{block.name} has {whole.count(old)} places that look like this, not one")
        self.write(block.name, whole.replace(old, new))

    def check(self, block):
        path = self.write(f"check-{self.n}.ini", block.text)
        self.must_end(self.spawn(f"tcpinspect check -c {path}"), LIMIT, 0)

    def compile(self, block):
        bpf = block.name == "bpf"
        name = f"piece{self.n}.bpf" if bpf else f"piece{self.n}"
        head = "#include <tcpinspect/bpf.h>\n" if bpf else "#include <stdio.h>\n#include <tcpinspect/plugin.h>\n"
        self.write(f"{name}.c", head + block.text)
        for carried in re.findall(r'"(\w+\.bpf\.o)"', block.text):
            self.write(carried, "")
        self.write("pieces.mk", "all:\ninclude $(shell pkg-config --variable=bpf_mk tcpinspect)\n")
        self.must_end(self.spawn(f"make -s -f pieces.mk {name}.{'o' if bpf else 'so'} "
                                 "BPF_CFLAGS=-Wno-unused CFLAGS='-O2 -Wall -Wno-unused'"), LIMIT, 0)

    def do(self, block):
        self.n += 1
        if block.action == "file":
            self.write(block.name, block.text)
        elif block.action != "shown":
            getattr(self, {"output": "compare"}.get(block.action, block.action))(block)


def follow(path, work):
    reader = Reader(tempfile.mkdtemp(prefix=os.path.basename(path) + ".", dir=work))
    has = os.path.dirname(path) if "/sdk/examples/" in path else os.environ.get("TI_DOCS_HAS")
    if has:
        shutil.copytree(has, reader.folder, dirs_exist_ok=True)
    began = time.monotonic()
    done = 0
    try:
        for block in blocks(path):
            try:
                reader.do(block)
                done += 1
            except Mistake as m:
                raise Mistake(f"{block.where}: {m}\n{reader.output()}")
    finally:
        reader.stop()
    if done:
        print(f"{path}: {done} blocks, {time.monotonic() - began:.1f} s", flush=True)


def attempt(path, work):
    """What a document is to be blamed for; None: nothing."""
    try:
        if work:
            follow(path, work)
        else:
            blocks(path)
    except Mistake as m:
        return m
    return None


def main():
    paths = sys.argv[2:]
    with tempfile.TemporaryDirectory(prefix="ti-docs.") as work, ThreadPoolExecutor(3) as readers:
        # Most of the time is waiting: for programs to be attached, and detached again.
        mistakes = list(readers.map(attempt, paths, [work if sys.argv[1] == "run" else None] * len(paths)))
    mistakes = [m for m in mistakes if m]
    if not mistakes and any(p.endswith("CONTRIBUTING.md") for p in paths):
        said = "".join(b.text for p in paths for b in blocks(p) if b.action == "run")
        mistakes = [f"docs.py: no document says '{c}' any more" for c in NOT_RUN if c not in said]
    for m in mistakes:
        print(f"FAIL: {m}")
    return bool(mistakes)


sys.exit(main())
