"""What messages say: files of words in plain text, Jinja templates that gettext translates."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from referrals.notify import languages

# Unicode's own sign for it. Blank lines would not do: the tags between sentences leave some, too.
NEW_PARAGRAPH = "\N{PARAGRAPH SEPARATOR}"

_TEMPLATES = Path(__file__).parent / "templates"


def words(name: str, language: str, spoken_of: Mapping[str, object]) -> dict[str, str]:
    """Give what a file of words sets, by name."""
    module = environment(language).get_template(f"words/{name}.jinja").make_module({**spoken_of})
    return {word: str(text) for word, text in vars(module).items() if not word.startswith("_")}


@cache
def environment(language: str, folder: Path = _TEMPLATES) -> Environment:
    """Give the templates of a folder in a language; only those in HTML are escaped."""
    made = Environment(
        loader=FileSystemLoader(folder),
        extensions=["jinja2.ext.i18n"],
        autoescape=select_autoescape(enabled_extensions=("html.jinja",), default=False),
        undefined=StrictUndefined,
        auto_reload=False,
        keep_trailing_newline=True,
    )
    made.policies["ext.i18n.trimmed"] = True
    # The extension adds this method at run time, where types do not reach.
    made.install_gettext_translations(  # type: ignore[attr-defined]
        languages.translations(language), newstyle=True
    )
    return made
