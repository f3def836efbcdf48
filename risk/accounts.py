"""The paper portfolio as the account that the plans of new signals are sized by."""

from engine.plan import SIGNAL_TERMS
from market.models import Market
from risk.books import book_of, bounds, open_positions
from risk.following import portfolio_of
from signals.planning import Account


def account_of(market: Market) -> Account:
    """Return what the portfolio is worth, what it has in use, and what the limits allow one position."""
    portfolio, allowed = portfolio_of(market), bounds()
    book = book_of(portfolio, open_positions(portfolio))
    terms = SIGNAL_TERMS._replace(
        risk=allowed.max_risk_per_trade, max_share=allowed.max_single_asset, max_leverage=allowed.max_leverage
    )
    return Account(book.equity, sum(one.notional for one in book.held), terms)
