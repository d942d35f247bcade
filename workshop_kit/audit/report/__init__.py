"""One report, in several forms: JSON, SARIF, text, and HTML as a card or a page. Each is made from `Report` alone."""

from workshop_kit.audit.report.html import as_card, as_page
from workshop_kit.audit.report.json import as_json
from workshop_kit.audit.report.sarif import as_sarif
from workshop_kit.audit.report.text import as_text

__all__ = ["as_card", "as_json", "as_page", "as_sarif", "as_text"]
