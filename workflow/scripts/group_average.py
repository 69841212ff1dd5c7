"""Average the responses over people, so that tuned models are fitted where noise is lowest."""

from _job import job
from lmbrain.artefacts import write_netcdf
from lmbrain.responses import group_average, read_responses

with job(snakemake) as made:
    people = (read_responses(path) for path in snakemake.input.responses)
    write_netcdf(group_average(people).to_dataset(), snakemake.output.responses, made)
