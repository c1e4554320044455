"""`python -m popug.documents`: write all documents."""

from pathlib import Path

from popug.documents import documents

DOCS = Path(__file__).parents[2] / "docs"

if __name__ == "__main__":
    for name, text in documents().items():
        (DOCS / name).write_text(text, encoding="utf-8")
