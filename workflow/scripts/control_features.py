"""What any account of reading must explain first: length, frequency, position, surprisal."""

from _job import job
from lmbrain.artefacts import open_netcdf, write_table
from lmbrain.features.controls import control_features
from lmbrain.words import read_words

with job(snakemake) as made:
    with open_netcdf(snakemake.input.lm) as features:
        surprisal = features["surprisal"].to_numpy()
    controls = control_features(
        read_words(snakemake.input.words), surprisal, snakemake.params.user_columns
    )
    write_table(controls, snakemake.output.controls, made)
