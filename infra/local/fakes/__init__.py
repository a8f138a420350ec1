"""Fakes of the systems outside, which misbehave on request: who pays, makes codes, is told."""

from collections.abc import Callable, Mapping

from infra.local.fakes.conduct import SLOW_S, Conduct, Misbehaviour
from infra.local.fakes.partner import Partners
from infra.local.fakes.payer import Payer
from infra.local.fakes.receiver import Received, Receiver
from infra.local.gateway import Page

__all__ = ["Conduct", "Fakes", "Misbehaviour", "Partners", "Payer", "Received", "Receiver"]


class Fakes:
    """All of them: `payer`, `partners` and `receiver`."""

    PAYER = "/fakes/payer"
    PARTNERS = "/fakes/partners"
    RECEIVER = "/fakes/receiver"

    def __init__(
        self,
        *,
        payer_key: Callable[[], str],
        partner_secret: Callable[[str], str],
        slow_s: float = SLOW_S,
    ) -> None:
        """Make fakes that know our key, and the secret of each partner by its name.

        An answer that is late comes after `slow_s`.
        """
        self.payer = Payer(api_key=payer_key, conduct=Conduct(slow_s=slow_s))
        self.partners = Partners(secret=partner_secret, conduct=Conduct(slow_s=slow_s))
        self.receiver = Receiver(new_conduct=lambda: Conduct(slow_s=slow_s))

    @property
    def mounts(self) -> Mapping[str, Page]:
        """Give their pages by the prefix they are served below."""
        return {
            self.PAYER: self.payer.page,
            self.PARTNERS: self.partners.page,
            self.RECEIVER: self.receiver.page,
        }

    def close(self) -> None:
        """Let nobody wait for an answer any longer."""
        self.payer.conduct.close()
        self.partners.conduct.close()
        self.receiver.close()
