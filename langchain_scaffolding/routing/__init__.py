"""What a router works out once from its options, so that a call only looks things up."""

from langchain_scaffolding.routing.by_profile import RoutingByProfile
from langchain_scaffolding.routing.options import RoutingOptions
from langchain_scaffolding.routing.routing import Routing

__all__ = ["Routing", "RoutingByProfile", "RoutingOptions"]
