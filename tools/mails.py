"""E-mails before they ship: `python -m tools.mails` compiles their layout, `extract` their words.

MJML knows how to write HTML that Outlook shows; nothing of it is needed at run time. Jinja's tags
go through it as text. Extracting brings every catalog up to date with what the words say, those of
the pages that mails lead to included, and keeps the translations of whatever stayed the same.
"""

import re
import sys
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.plurals import get_plural
from babel.messages.pofile import read_po, write_po
from mjml import mjml2html

from referrals.domain.decisions import SAYS_TO_ADVOCATE
from referrals.notify import languages

NOTIFY = Path(languages.__file__).parent
PAGES = NOTIFY.parent / "runtime" / "templates"
SOURCE = NOTIFY / "mjml" / "layout.mjml"
LAYOUT = NOTIFY / "templates" / "layout.html.jinja"

# Mail programs show what follows a short preheader, too, unless that is nothing to be seen.
_HEAD = """\
{# Compiled from mjml/layout.mjml by `make mails`; change it there. -#}
{% set filler = ("&#847;&zwnj;&nbsp;" * 60) | safe -%}
"""
_REASONS = "domain/decisions.py"
_WIDTH = 100


def compiled() -> str:
    """Compile the layout as it stands in its source, broken into lines that a difference can show.

    No fonts: every one named there is on somebody's machine, and none is fetched from elsewhere.
    """
    html = mjml2html(SOURCE.read_text(encoding="utf-8"), disable_comments=True, fonts={})
    return _HEAD + re.sub(r"(?=<(?:table|tr|style|meta)\b)", "\n", html) + "\n"


def said() -> Catalog:
    """Extract what is said in English: words of mails and pages, and the reasons of decisions."""
    catalog = Catalog()
    for folder in (NOTIFY / "templates", PAGES):
        found = extract_from_dir(
            folder,
            method_map=[("**.jinja", "jinja2.ext:babel_extract")],
            options_map={"**.jinja": {"trimmed": "true", "silent": "false"}},
        )
        for path, line, message_id, _comments, _context in found:
            catalog.add(message_id, locations=[(path, line)])
    for line, reason in enumerate(SAYS_TO_ADVOCATE.values(), start=1):
        catalog.add(reason, locations=[(_REASONS, line)])
    return catalog


def catalog_text(language: str) -> str:
    """Give a language's catalog brought up to date; new sentences in it are empty."""
    path = languages.catalog_path(language)
    catalog = Catalog(locale=language)
    comment = ""
    if path.exists():
        comment = _comment_at_the_top(path)
        with path.open("rb") as source:
            catalog = read_po(source, locale=language)
    catalog.update(said(), no_fuzzy_matching=True)
    return comment + _header(language) + _messages(catalog)


def extract() -> None:
    """Bring every catalog up to date."""
    for language in languages.LANGUAGES:
        if language != languages.ENGLISH:
            path = languages.catalog_path(language)
            text = catalog_text(language)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")


def _comment_at_the_top(path: Path) -> str:
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    end = next((at for at, line in enumerate(lines) if not line.startswith("#")), 0)
    return "".join(lines[:end])


def _header(language: str) -> str:
    plural = get_plural(language)
    return (
        'msgid ""\n'
        'msgstr ""\n'
        '"Content-Type: text/plain; charset=UTF-8\\n"\n'
        '"Content-Transfer-Encoding: 8bit\\n"\n'
        f'"Language: {language}\\n"\n'
        f'"Plural-Forms: nplurals={plural.num_plurals}; plural={plural.plural_expr};\\n"\n\n'
    )


def _messages(catalog: Catalog) -> str:
    written = BytesIO()
    write_po(
        written,
        catalog,
        width=_WIDTH,
        omit_header=True,
        ignore_obsolete=True,
        sort_by_file=True,
        include_lineno=False,
    )
    return written.getvalue().decode().rstrip("\n") + "\n"


def main() -> None:
    """Compile the layout, or bring the catalogs up to date."""
    if sys.argv[1:] == ["extract"]:
        extract()
    else:
        LAYOUT.write_text(compiled(), encoding="utf-8")


if __name__ == "__main__":
    main()
