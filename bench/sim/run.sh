#!/bin/sh
# Ranges of the simulation of worlds over 21 seeds (SIM_SEEDS). SIM_KEEP: a folder for the seeds' reports; those that are
# there already are not played again.
exec "${SERENO_BIN:-build/sereno}" sim world --seeds "${SIM_SEEDS:-21}" ${SIM_KEEP:+--keep "$SIM_KEEP"}
