"""Bloom's taxonomy: which measurable verbs belong to which level of learning.

The six levels and their verbs follow the revised taxonomy (Anderson and Krathwohl, 2001). Verbs that
nobody can observe, such as `learn` or `know`, are read as `understand`.
"""

from coursegen_worker.documents import BloomLevel

LEVELS: tuple[BloomLevel, ...] = ("remember", "understand", "apply", "analyse", "evaluate", "create")

_VERBS = (
    """
    define list name recall recite recognise recognize repeat state label match memorise memorize identify locate
    quote select tell
    """,
    """
    understand learn know explain describe summarise summarize discuss interpret paraphrase classify outline restate
    review show report infer translate grasp appreciate explore introduce study discover see comprehend master
    become get familiarise familiarize illustrate
    """,
    """
    apply use solve run operate practise practice carry compute calculate demonstrate execute implement perform
    handle manage work write edit install set configure draw play speak read schedule sketch conduct employ deploy
    do make test
    """,
    """
    analyse analyze compare contrast distinguish examine inspect investigate differentiate divide organise organize
    break debug diagnose trace map relate separate sort structure question find
    """,
    """
    evaluate assess judge argue defend justify critique criticise criticize decide rate weigh choose recommend
    support value verify check measure prioritise prioritize rank
    """,
    """
    create build design develop compose construct produce plan invent formulate generate assemble author craft
    program prepare propose combine model code draft
    """,
)
VERBS: dict[BloomLevel, frozenset[str]] = {
    level: frozenset(verbs.split()) for level, verbs in zip(LEVELS, _VERBS, strict=True)
}

_OTHERS: dict[BloomLevel, str] = {
    "understand": "estimate predict",
    "apply": "add adapt administer avoid communicate convert cook improve integrate multiply negotiate prevent protect "
    "repair respond sharpen simplify subtract",
    "analyse": "detect troubleshoot",
    "evaluate": "optimise optimize",
}
"""Verbs by which an objective is known as well; alignment is not measured by them."""
_LEVEL_OF: dict[str, BloomLevel] = {verb: level for level, verbs in VERBS.items() for verb in verbs} | {
    verb: level for level, verbs in _OTHERS.items() for verb in verbs.split()
}


def level_of(verb: str) -> BloomLevel | None:
    """Give the level of a verb in its base form, or None for a word that is no verb of the table."""
    return _LEVEL_OF.get(verb.lower())
