def refuse(constant):
    raise ValueError(f"{constant} is no JSON")


def once(pairs):
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a key comes twice")
    return dict(pairs)


def parse(text):
    rows, odd = [], []
    lines = text.removesuffix("\n").split("\n") if text else []
    for line in lines:
        try:
            row = json.loads(line, parse_constant=refuse, object_pairs_hook=once)
        except ValueError:
            row = None
        if isinstance(row, dict):
            rows.append(row)
        else:
            odd.append(line)
    return lines, rows, odd


lines, rows, odd = parse(text)
task.hand_in({"lines": len(lines), "rows": rows, "odd": odd})
