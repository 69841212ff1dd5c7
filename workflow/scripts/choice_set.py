"""Write one domain's multiple-choice questions about the story's words."""

from _job import job
from lmbrain.simulation import material
from lmbrain.simulation.choice_sets import write_figqa, write_piqa, write_social_iqa

WRITERS = {"social_emotional": write_social_iqa, "figurative": write_figqa, "physical": write_piqa}

with job(snakemake) as made:
    WRITERS[snakemake.wildcards.domain](
        snakemake.output.sets,
        material.lexicon(),
        material.subjects(),
        material.neutral(),
        seed=snakemake.params.seed,
        n_train=snakemake.params.train_items,
        n_validation=snakemake.params.validation_items,
    )
