#!/bin/sh
# Ranges of the simulation of worlds over 21 seeds (SIM_SEEDS).
exec "${SERENO_BIN:-build/sereno}" sim world --seeds "${SIM_SEEDS:-21}"
