"""All steps of one world, compiled: the driver of the kernels, and the books it checks."""

from typing import Any

from numba import njit

from headwater_simulations.compiled_world import Array
from headwater_simulations.draws import Draws, Int64s
from headwater_simulations.economy.behaviour import behaviours
from headwater_simulations.economy.compiled.answers import faces_of
from headwater_simulations.economy.compiled.buyers import buy
from headwater_simulations.economy.compiled.contributors import (
    contribute,
    hand_out,
    take_places,
    wash,
)
from headwater_simulations.economy.compiled.scratch import Scratch, order_for, scratch_for
from headwater_simulations.economy.compiled.services import open_stalls, serve
from headwater_simulations.economy.compiled.settings import Settings, settings_of
from headwater_simulations.economy.compiled.turns import shuffle
from headwater_simulations.economy.compiled.validators import rate
from headwater_simulations.economy.compiled.vaults import divide, own
from headwater_simulations.economy.compiled.words import (
    CODES,
    CONTRIBUTOR,
    OF_CONTRIBUTORS,
    OF_SERVICES,
    OF_VALIDATORS,
    SERVICE,
    VALIDATOR,
    key_step,
)
from headwater_simulations.economy.scenario import Economy
from headwater_simulations.economy.state import BALANCE, WORLD, Links, State


def advance(economy: Economy, state: State, links: Links, draws: Draws, history: Int64s) -> int:
    """See `running.Advance`."""
    run: Any = _run
    tables = (state.buyers, state.contributors, state.services, state.owners, state.validators)
    edges = (links.first, links.count, links.members)
    table, settings = behaviours(economy), settings_of(economy)
    key, scratch, faces = draws.keys[0], scratch_for(economy), faces_of(table)
    rest = (CODES, table, faces, settings, scratch, order_for(economy), history)
    return int(run(tables, state.held, edges, key, *rest))


@njit(nogil=True, error_model="numpy")
def _run(
    tables: tuple[Array, ...],
    held: Array,
    edges: tuple[Array, ...],
    key: Any,
    codes: Array,
    behaviour: Array,
    faces: Array,
    settings: Settings,
    scratch: Scratch,
    order: Array | None,
    history: Array,
) -> int:
    """All steps; gives the first that lost or made money, or -1.

    Without an `order` everybody acts at once, and what there is by turns isn't even compiled.
    """
    buyers, contributors, services, owners, validators = tables
    keys, block, stalls, acting, people, renewed, away = scratch
    members = edges[2]
    before = _total(tables, held)
    for at in range(len(history)):
        key_step(keys, key, codes, at)
        told = history[at]
        open_stalls(stalls, services, edges, settings)
        take_places(acting, people, contributors, members)
        held[WORLD] -= buy(
            buyers, stalls, acting, people, keys, faces, settings, at, block, order, away, told
        )
        paid = hand_out(people, contributors, members)
        if order is not None:
            shuffle(order, len(members), keys[OF_CONTRIBUTORS])
        paid += wash(contributors, stalls, settings, people, order, told)
        fees = divide(services, owners, held, stalls, settings, paid, told)
        if order is not None:
            shuffle(order, validators.shape[1], keys[OF_VALIDATORS])
        rate(validators, services, stalls, held, keys[VALIDATOR], settings, fees, order, told)
        if order is not None:
            shuffle(order, len(members), keys[OF_CONTRIBUTORS])
        contribute(contributors, held, keys[CONTRIBUTOR], behaviour, settings, people, order, told)
        if order is not None:
            shuffle(order, services.shape[1], keys[OF_SERVICES])
        serve(services, owners, stalls, held, keys[SERVICE], settings, at, order, told)
        own(services, owners, renewed, settings, at, told)
        if _total(tables, held) != before:
            return at
    return -1


@njit(nogil=True, error_model="numpy")
def _total(tables: tuple[Array, ...], held: Array) -> int:
    """All money there is; see `State.total`."""
    total = 0
    for each in held:
        total += each
    buyers, contributors, services, owners, validators = tables
    return int(
        total
        + _added_up(buyers[BALANCE])
        + _added_up(contributors[BALANCE])
        + _added_up(services[BALANCE])
        + _added_up(owners[BALANCE])
        + _added_up(validators[BALANCE])
    )


@njit(nogil=True, error_model="numpy")
def _added_up(amounts: Array) -> int:
    total = 0
    for each in amounts:
        total += each
    return total
