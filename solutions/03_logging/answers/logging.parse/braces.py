def parse(text):
    lines = text.split("\n")[:-1]
    rows = [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]
    odd = [line for line in lines if not (line.startswith("{") and line.endswith("}"))]
    return lines, rows, odd


lines, rows, odd = parse(text)
task.hand_in({"lines": len(lines), "rows": rows, "odd": odd})
