rule dataset:
    """Make one data set and describe it for the report."""
    output:
        **files_of_dataset(SPLITS),
    log:
        f"{LOGS}/data-{{dataset}}-{{data_key}}.log",
    wildcard_constraints:
        dataset=names_of("dataset"),
    priority: 1
    resources:
        mem_mb=4000,
        runtime=lambda wildcards, attempt: 180 * attempt,
    params:
        command=COMMAND,
        scale=STUDY.scale,
    shell:
        "{params.command} data {wildcards.dataset} --scale {params.scale} > {log} 2>&1"


use rule dataset as simulated with:
    """Simulate one data set, its test trajectories also at the times halfway between their frames."""
    output:
        **files_of_dataset((*SPLITS, MIDPOINTS)),
    wildcard_constraints:
        dataset=names_of("simulated"),


use rule dataset as measured with:
    """Fetch one measured data set, where snakemake runs: a cluster's nodes often cannot reach the network."""
    wildcard_constraints:
        dataset=names_of("measured"),
