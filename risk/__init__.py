"""How much may be lost: limits, protections, exposure, and the paper portfolio that follows the signals."""
