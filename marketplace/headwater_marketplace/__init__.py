"""Catalogue, datanets, metering gateway, seller middleware, settlement and epochs."""
