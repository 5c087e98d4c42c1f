"""Mutants of the ledger, the spend gate and its transport."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

_GATE = ("tests/engine/test_spend_gate.py", "tests/engine/test_reservations.py")
_LEDGER = ("tests/core/test_ledger.py",)
_PRICES = ("tests/core/test_prices.py",)

_SUMS = ("tests/adapters/test_summed_ledger.py",)

MONEY: tuple[Mutant, ...] = (
    Mutant(
        name="release on timeout",
        file="gastown_desktop/engine/spend_gate.py",
        old="        if never_left or not billed:\n",
        new="        if True:\n",
        tests=_GATE,
    ),
    Mutant(
        name="forget orphans",
        file="gastown_desktop/engine/spend_gate.py",
        old="        orphans, self._orphans = self._orphans, []\n",
        new="        orphans, self._orphans = [], []\n",
        tests=_GATE,
    ),
    Mutant(
        name="release orphans at a restart",
        file="gastown_desktop/core/ledger.py",
        old="self._end(record.id, assumed=self._reservation(record.id).held)",
        new="self._end(record.id)",
        tests=_LEDGER + _GATE,
    ),
    Mutant(
        name="ignore what is open",
        file="gastown_desktop/core/ledger.py",
        old="        return NanoUsd(self.settled + self.assumed + self.held)\n",
        new="        return NanoUsd(self.settled + self.assumed)\n",
        tests=_LEDGER,
    ),
    Mutant(
        name="ignore what is assumed",
        file="gastown_desktop/core/ledger.py",
        old="        return NanoUsd(self.settled + self.assumed + self.held)\n",
        new="        return NanoUsd(self.settled + self.held)\n",
        tests=_LEDGER,
    ),
    Mutant(
        name="no cache-write rate",
        file="gastown_desktop/core/prices.py",
        old='        if writes_cache != "none":\n',
        new='        if writes_cache == "never":\n',
        tests=_PRICES,
    ),
    Mutant(
        name="ignore the tier of long prompts",
        file="gastown_desktop/core/prices.py",
        old="    return NanoUsd(ceil((prompt + reply) * price.factor(input_bound) * geo_factor))\n",
        new="    return NanoUsd(ceil((prompt + reply) * geo_factor))\n",
        tests=_PRICES,
    ),
    Mutant(
        name="no log before the send",
        file="gastown_desktop/engine/spend_gate.py",
        old="            await self._write_down(record)\n",
        new="",
        tests=_GATE,
    ),
    Mutant(
        name="log that is not durable",
        file="gastown_desktop/engine/spend_gate.py",
        old="            await self._log.append(record.to_json(), durable=True)\n        except asyncio",
        new="            await self._log.append(record.to_json(), durable=False)\n        except asyncio",
        tests=_GATE,
    ),
    Mutant(
        name="a reservation is good for many requests",
        file="gastown_desktop/engine/spend_gate.py",
        old="        del self._unsent[reservation]\n",
        new="",
        tests=_GATE,
    ),
    Mutant(
        name="a reservation is good for any body",
        file="gastown_desktop/engine/spend_gate.py",
        old="        if _hash_of_bytes(body, origin) != expected:\n",
        new="        if not body:\n",
        tests=_GATE,
    ),
    Mutant(
        name="a request without a reservation leaves",
        file="gastown_desktop/adapters/spend_transport.py",
        old="        if reservation or (",
        new="        if reservation and (",
        tests=("tests/adapters/test_spend_transport.py",),
    ),
    Mutant(
        name="the prompt is bounded by its characters",
        file="gastown_desktop/core/prices.py",
        old='    return max(len(form.encode("utf-8", "surrogatepass")) for form in forms)\n',
        new="    return len(text)\n",
        tests=_PRICES,
    ),
    Mutant(
        name="the tripwire stops nobody",
        file="gastown_desktop/engine/spend_gate.py",
        old="        if self.ledger.tripped is not None:\n            raise",
        new="        if False:\n            raise",
        tests=_GATE,
    ),
    Mutant(
        name="the closing reserve is for everybody",
        file="gastown_desktop/core/ledger.py",
        old='    if cap is None or closing or not scope.startswith("convoy:"):\n',
        new="    if cap is None or scope:\n",
        tests=_LEDGER,
    ),
    Mutant(
        name="a hold may grow",
        file="gastown_desktop/core/ledger.py",
        old="        if record.amount > reservation.held:\n            raise",
        new="        if False:\n            raise",
        tests=_LEDGER,
    ),
    Mutant(
        name="a gateway's cost of nothing is believed",
        file="gastown_desktop/core/prices.py",
        old="    if reported is None or reported * _LEAST_REPORTED_SHARE < listed:\n",
        new="    if reported is None:\n",
        tests=("tests/core/test_providers.py",),
    ),
    Mutant(
        name="sums of another ledger are believed",
        file="gastown_desktop/adapters/money_log.py",
        old="            if self._hash.hexdigest() == kept.sha256:\n",
        new="            if kept.sha256:\n",
        tests=_SUMS,
    ),
    Mutant(
        name="what ended before the sums may be reserved again",
        file="gastown_desktop/core/ledger.py",
        old="        self._ended_before = sums.requests\n",
        new="        self._ended_before = 0\n",
        tests=_SUMS,
    ),
    Mutant(
        name="sums forget what is assumed",
        file="gastown_desktop/core/ledger.py",
        old="assumed=one.assumed, max_committed=one.max_committed\n            )\n\n    def sums",
        new="assumed=0, max_committed=one.max_committed\n            )\n\n    def sums",
        tests=_SUMS,
    ),
    Mutant(
        name="a ledger is summed up while requests have no end",
        file="gastown_desktop/engine/spend_gate.py",
        old="        if not orphans and self.requests",
        new="        if self.requests",
        tests=_SUMS,
    ),
)
