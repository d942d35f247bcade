class NotWhole(ValueError):
    pass


def refuse(constant):
    raise NotWhole(constant)


def whole(pairs):
    names = [name for name, _ in pairs]
    if len(set(names)) != len(names):
        raise NotWhole(names)
    return dict(pairs)


decoder = json.JSONDecoder(parse_constant=refuse, object_pairs_hook=whole)


def parse(text):
    *lines, rest = text.split("\n")
    if rest:
        lines.append(rest)
    rows = []
    odd = []
    for line in lines:
        try:
            value = decoder.decode(line)
        except ValueError:
            odd.append(line)
            continue
        (rows if type(value) is dict else odd).append(value if type(value) is dict else line)
    return lines, rows, odd


lines, rows, odd = parse(text)
task.hand_in({"lines": len(lines), "rows": rows, "odd": odd})
