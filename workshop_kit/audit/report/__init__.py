"""One report, four forms: JSON, text, Markdown, HTML; and `card` for notebooks. Each is made from `Report` alone."""

from workshop_kit.audit.report.json import as_json
from workshop_kit.audit.report.markdown import as_markdown
from workshop_kit.audit.report.page import as_html
from workshop_kit.audit.report.text import as_text

__all__ = ["as_html", "as_json", "as_markdown", "as_text"]
