"""All trades by method."""

from sandbox.his.trade import Trade
from sandbox.his.trades import bookings, patients, places, records, schedules, visits

TRADES: dict[str, Trade] = {
    trade.method: trade for group in (patients, places, schedules, bookings, records, visits) for trade in group.TRADES
}
