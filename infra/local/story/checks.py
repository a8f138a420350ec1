"""What the story expects, and how it says that something was otherwise."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One expectation of the story, and what was found."""

    what: str
    found: object
    expected: object

    @property
    def holds(self) -> bool:
        return self.found == self.expected

    @property
    def difference(self) -> str:
        return f"{self.what}: expected {self.expected!r}, found {self.found!r}"


class StoryFailedError(Exception):
    """The story went on otherwise than it should; `differences` name each one."""

    def __init__(self, differences: list[str]) -> None:
        super().__init__("; ".join(differences))
        self.differences = differences
