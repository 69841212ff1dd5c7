"""Cut the story into folds, once for all later stages."""

from _job import job
from lmbrain.encoding.delays import needed_gap
from lmbrain.encoding.folds import folds_of_people, gap_note, make_folds, write_folds
from lmbrain.responses import read_responses
from lmbrain.samples import common_samples
from lmbrain.words import read_words

with job(snakemake) as made:
    params = snakemake.params
    words = read_words(snakemake.input.words)
    people = [read_responses(path) for path in snakemake.input.responses]
    samples = common_samples(people, words, snakemake.input.responses)
    if params.trim:
        samples = samples.trimmed(**params.trim)
    spoken = words["is_word"].to_numpy(bool)
    needed = needed_gap(
        samples.item_position[spoken],
        words["story"].to_numpy(str)[spoken],
        params.context_words,
        params.delays,
        params.repetition_time,
    )
    outer, gap = params.settings["outer"], params.settings["gap"]
    gap = needed if gap is None else gap
    unit = "s" if params.delays else "words"
    made["needed_gap"], made["note"] = needed, gap_note(gap, needed, unit)
    folds = make_folds(samples.story, samples.position, samples.usable, outer, gap, run=samples.run)
    usable = [person["usable"].to_numpy() for person in people]
    own = folds_of_people(folds, dict(zip(snakemake.input.responses, usable, strict=True)))
    made["samples_of_people"] = [int(person.usable.sum()) for person in own.values()]
    write_folds(folds, snakemake.output.folds, made)
