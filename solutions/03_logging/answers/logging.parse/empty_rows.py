def parse(text):
    lines = text.removesuffix("\n").split("\n")
    odd = []
    for line in lines:
        try:
            pairs = json.loads(line, object_pairs_hook=list)
        except ValueError:
            odd.append(line)
            continue
        names = [pair[0] for pair in pairs] if line.startswith("{") else []
        if not names or len(set(names)) < len(names) or "NaN" in line:
            odd.append(line)
    return lines, [{}] * (len(lines) - len(odd)), odd


lines, rows, odd = parse(text)
task.hand_in({"lines": len(lines), "rows": rows, "odd": odd})
