"""Hold what was found against what was planted."""

from _job import job
from lmbrain.artefacts import read_json, read_netcdf, read_table, write_json
from lmbrain.divergence import MEASURES
from lmbrain.encoding.folds import read_folds
from lmbrain.encoding.model import read_features
from lmbrain.report import scorecard as card
from lmbrain.words import read_words

RANKED = ("rank", "validity", "se", "t", "p_published", "p", "p_corrected", "p_partial_corrected")
HISTORY = ("step", "train_loss", "validation_loss", "validation_accuracy")
TABLE = ("gain", "ci_low", "ci_high", "p", "p_corrected", "n_words")

with job(snakemake) as made:
    given, params = snakemake.input, snakemake.params
    words, folds = read_words(given.words), read_folds(given.folds)
    features = read_features(params.parts, given.features, params.layer, words)
    planted = params.planted
    latents = read_table(given.regressors, numeric=tuple(planted))[planted]

    def scores(path):
        numeric = [c for c in MEASURES if c in read_table(path)]
        return read_table(path, numeric=("sentence", *numeric))

    histories = {
        domain: read_table(path, numeric=HISTORY)
        for domain, path in zip(params.domains, given.histories, strict=True)
    }
    comparisons = {
        domain: read_netcdf(path)
        for domain, path in zip(params.domains, given.comparisons, strict=True)
    }
    table = read_table(given.specificity[0], numeric=TABLE) if given.specificity else None
    write_json(
        {
            "measure": params.measure,
            "latent_r2": card.latent_r2(features, latents, folds),
            "encoding": card.encoding_recovery(
                [read_netcdf(path) for path in given.scores], [read_json(p) for p in given.truth]
            ),
            "divergence": card.divergence_recovery(
                scores(given.word_divergence), scores(given.sentence_divergence), latents
            ),
            "named": card.domains_named(read_table(given.ranked, numeric=RANKED), planted),
            "tuning": card.tuning_recovery(histories, comparisons, table),
            "costs": card.costs(params.benchmarks),
        },
        snakemake.output.scorecard,
        made,
    )
