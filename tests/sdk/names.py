#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""names.py HEADERS DOC - every public name of the SDK's headers stands in its manual.

A macro, function, type, constant or variable is documented where it is in the tag of a
paragraph (the line after .TP or .TQ) or in the title of a section; a member of a struct, in
a tag below the heading `.SS struct NAME`. And the other way round: what a manual names is there.
"""
import glob
import os
import re
import sys

PAGES = {
    "tcpinspect-bpf.3.in": "bpf cgroup filter function hooks kernel lookup metrics packet types",
    "tcpinspect-plugin.5.in": "event option plugin",
    "tcpinspect-sink.5.in": "sink",
    "tcpinspect-testing.3.in": "testing",
}

# What the public macros are made of, and the BPF side of the common options. Names with an
# underscore at their end or twice within are nobody's business either.
INTERNAL = re.compile(r"""
    \w+_ | \w+_\d | \w+___\w+ | TCPINSPECT_\w+ | TI_STATIC_ASSERT | TI_PREFIX | TI_NOTE | TI_TAG | TI_CAT |
    TI_(EACH|NEXT_|SLOTS?_?|REGS?_?|VALUE_|COUNT_ARGS|PACKET_)\w* |
    ti_packet_(zero|counted|begin|skb|kprobe|parse_l3) | ti_parse_\w+ | ti_is_exthdr | ti_slot_behind |
    ti_filter_\w+ | TI_FILTER_(?!PREFIXES)\w+ | ti_filter | ti_reserve\w* | ti_submit_if | ti_event_ |
    ti_sockops_addr | ti_cgroup_is_ours | ti_can_look_up | ti_metrics_of | ti_observe | ti_test_(use|fail)_cmocka""", re.X)

# Read from the environment, so in no header.
ENVIRONMENT = {"TI_TEST_LOG"}

# Small, or used by name alone: documented whole, not member by member.
WHOLE = {"ti_addr", "ti_prefix", "ti_counters", "ti_in6", "ti_linear", "ti_ipv4_hdr", "ti_ipv6_hdr", "ti_tcp_hdr",
         "ti_prefix_v1", "ti_enum_name", "ti_field", "ti_event_type"}

# The kernel's own, declared for CO-RE in kernel.h: tcpinspect-bpf(3) names the structs that are there.
KERNEL_STRUCT = re.compile(r"(?!ti_)\w+")


def bare(path):
    """Without comments, and with a macro on one line."""
    with open(path, encoding="utf-8") as f:
        text = f.read()
    text = re.sub(r"/\*.*?\*/|//[^\n]*", " ", text, flags=re.S)
    return re.sub(r"[ \t]*\\\n[ \t]*", " ", text)


def body(text, at):
    """From the brace at `at` to its end, without the braces within."""
    depth, out = 0, ""
    for c in text[at:]:
        depth += (c == "{") - (c == "}")
        if depth == 0:
            return out[1:]
        if depth == 1 or (depth == 2 and c == "{"):
            out += c
    return out


def members(text):
    names = []
    for declaration in text.split(";"):
        declaration = re.sub(r"__attribute__\s*\(\(.*\)\)", "", declaration, flags=re.S)
        pointer = re.search(r"\(\*(\w+)\)\s*\(", declaration)
        if pointer:
            names.append(pointer.group(1))
        elif declaration.strip():
            declaration = re.sub(r"\[[^]]*\]", "", declaration)
            names += re.findall(r"(\w+)\s*(?:,|$)", declaration.strip())
    return [n for n in names if n != "reserved"]


def of_header(path):
    """All names and {struct: its members}."""
    text, names, structs = bare(path), set(), {}
    names.update(re.findall(r"^#define (\w+)", text, re.M))
    text = re.sub(r"^#.*", "", text, flags=re.M)
    names.update(re.findall(r"static (?:__always_inline|inline) [\w\s*]*?\b(\w+)\(", text))
    names.update(re.findall(r"^(?:TI_TEST_API |extern )?[\w *]+?\b(ti_\w+)\([^{}]*?\)[^{};]*;", text, re.M))
    names.update(re.findall(r"^typedef [^;{]*?\b(ti_\w+)(?:\[[^]]*\])?;", text, re.M))
    names.update(re.findall(r"^const volatile [\w ]+\b(\w+);", text, re.M))
    names.update(re.findall(r"^\} (ti_\w+)", text, re.M))
    for m in re.finditer(r"^(?:typedef )?(struct|enum) (\w+) (?=\{)", text, re.M):
        inside = body(text, m.end())
        if m.group(1) == "enum":
            names.update(re.findall(r"\bTI_\w+(?=\s*[,=]|\s*$)", inside))
            names.add(m.group(2))
        elif not KERNEL_STRUCT.fullmatch(m.group(2)):
            structs[m.group(2)] = members(inside)
    names.update(structs)
    return {n for n in names if n.lower().startswith("ti_")}, structs


def of_page(path):
    """All names that are mentioned, the tags, and {struct: tags below its heading}."""
    with open(path, encoding="utf-8") as f:
        text = re.sub(r"^\.\\\".*\n", "", f.read(), flags=re.M)
    text = re.sub(r"^\.EX\n.*?^\.EE\n", "", text, flags=re.M | re.S)  # docs.sh sees to these
    tags, below, struct, tag, depth = [], {}, None, False, 0
    for line in text.replace("\\-", "-").splitlines():
        depth += line.startswith(".RS") - line.startswith(".RE")
        heading = re.match(r"\.S[SH] \"?(.*)", line)
        if heading:
            words = heading.group(1)
            named = re.search(r"struct (\w+)", words)
            struct = named.group(1) if named else None
            if struct:
                below[struct] = []
            tags.append(words)
        elif tag and not depth:
            tags.append(line)
            if struct:
                below[struct].append(line)
        tag = line.split(" ")[0] in (".TP", ".TQ")
    return set(re.findall(r"\b(?:ti|TI)_\w*\w\b", text)), set(re.findall(r"\w+", " ".join(tags))), below


def compare(page, headers, known):
    wrong = []
    mentioned, tags, below = of_page(page)
    name = os.path.basename(page)[:-3]
    for header in headers:
        names, structs = of_header(header)
        for n in sorted(names):
            if not INTERNAL.fullmatch(n) and n not in tags:
                wrong.append(f"{name} does not document {n} of {os.path.basename(header)}")
        for s, m in structs.items():
            if INTERNAL.fullmatch(s) or s in WHOLE:
                continue
            if s not in below:
                wrong.append(f"{name} has no heading '.SS struct {s}'")
                continue
            for member in m:
                if not any(re.search(rf"\b{member}\b", t) for t in below[s]):
                    wrong.append(f"{name} does not document {member} of struct {s}")
            for tag in below[s]:
                if not set(re.findall(r"\w+", tag)) & set(m):
                    wrong.append(f"{name}: struct {s} has nothing like '{tag}'")
    wrong += [f"{name} names {n}, which is in no header" for n in sorted(mentioned - known - ENVIRONMENT)]
    return wrong


def main():
    include, doc = sys.argv[1:]
    headers = {os.path.basename(h)[:-2]: h for h in glob.glob(f"{include}/*.h")}
    known, wrong = set(), []
    for h in headers.values():
        known |= set(re.findall(r"\b(?:ti|TI)_\w+", bare(h)))
    for page, which in PAGES.items():
        mine = [headers.pop(w) for w in which.split() if w in headers]
        if mine and not os.path.exists(f"{doc}/{page}"):
            wrong.append(f"there is no doc/{page} for {', '.join(map(os.path.basename, mine))}")
        elif mine:
            wrong += compare(f"{doc}/{page}", mine, known)
    wrong += [f"names.py has no page for {h}.h" for h in headers]
    for w in wrong:
        print(f"FAIL: {w}")
    return len(wrong) > 0


sys.exit(main())
