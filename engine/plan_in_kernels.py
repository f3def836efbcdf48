"""The functions of ``engine.plan`` for kernels to compile."""

from engine import plan
from engine.jit import usable_in_kernels

asks_to_leave = usable_in_kernels(plan.asks_to_leave)
structure_stop = usable_in_kernels(plan.structure_stop)
stop_price = usable_in_kernels(plan.stop_price)
target_price = usable_in_kernels(plan.target_price)
rounded_down = usable_in_kernels(plan.rounded_down)
quantity_of = usable_in_kernels(plan.quantity_of)
