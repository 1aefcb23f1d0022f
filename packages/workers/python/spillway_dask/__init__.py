"""The part of Spillway that speaks with Dask. Started by Spillway itself; nothing here is meant to be imported by others."""
