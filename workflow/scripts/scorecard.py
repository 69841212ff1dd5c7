"""Hold what was found against what was planted."""

from dataclasses import asdict

from _job import job
from lmbrain.artefacts import read_json, read_netcdf, read_table, write_json
from lmbrain.calibration import study
from lmbrain.divergence import MEASURES
from lmbrain.encoding.folds import read_folds
from lmbrain.encoding.model import read_features
from lmbrain.inference.resampling import contiguous_blocks
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
    people, truth = [read_netcdf(p) for p in given.scores], [read_json(p) for p in given.truth]
    word_scores, ranked = scores(given.word_divergence), read_table(given.ranked, numeric=RANKED)
    places = card.planted_places(people[0], truth)
    ranking = read_table(given.word_divergence, numeric=("divergence",))["divergence"].to_numpy()
    checks = study.encoding_checks(read_netcdf(given.significance[0]), places)
    lm_planted = truth[0]["strengths"]["lm"] > 0
    checks += [study.beyond_check(read_netcdf(path), lm_planted) for path in given.beyond]
    if planted:
        blocks = contiguous_blocks(folds, params.block)
        checks.append(study.divergence_check(ranking, latents, blocks, params.seed))
    checks.append(study.hypothesis_check(card.hypotheses_held(ranked), planted))
    checks += study.tuning_checks(comparisons, table, planted)
    write_json(
        {
            "measure": params.measure,
            "latent_r2": card.latent_r2(features, latents, folds),
            "encoding": card.encoding_recovery(people, truth),
            "divergence": card.divergence_recovery(
                word_scores, scores(given.sentence_divergence), latents
            ),
            "named": card.domains_named(ranked, planted),
            "tuning": card.tuning_recovery(histories, comparisons, table),
            "checks": [asdict(check) for check in checks],
            "costs": card.costs(params.benchmarks),
        },
        snakemake.output.scorecard,
        made,
    )
