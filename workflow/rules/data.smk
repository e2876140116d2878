rule dataset:
    """Make one data set."""
    output:
        **data_files("{dataset}", "{data_key}"),
    log:
        f"{LOGS}/data-{{dataset}}-{{data_key}}.log",
    resources:
        mem_mb=4000,
        runtime=lambda wildcards, attempt: 180 * attempt,
    params:
        command=COMMAND,
        scale=STUDY.scale,
        splits=" ".join(f"--split {split}" for split in SPLITS),
    shell:
        "{params.command} data {wildcards.dataset} --scale {params.scale} {params.splits} 2>&1 | tee {log}"


use rule dataset as measured with:
    """Fetch one measured data set, where snakemake runs: a cluster's nodes often cannot reach the network."""
    wildcard_constraints:
        dataset=f"({'|'.join(MEASURED)})(--[a-z0-9.-]+)?",


ruleorder: measured > dataset


use rule dataset as midpoints with:
    """Simulate the test trajectories of a system at the times halfway between their frames."""
    output:
        str(FOLDERS.split("{dataset}", "{data_key}", MIDPOINTS)),
    log:
        f"{LOGS}/data-{{dataset}}-{{data_key}}-{MIDPOINTS}.log",
    params:
        command=COMMAND,
        scale=STUDY.scale,
        splits=f"--split {MIDPOINTS}",


rule card:
    """Describe a data set for the report."""
    input:
        data_of_card,
    output:
        str(FOLDERS.card("{dataset}", "{data_key}")),
    log:
        f"{LOGS}/card-{{dataset}}-{{data_key}}.log",
    params:
        command=COMMAND,
        scale=STUDY.scale,
    shell:
        "{params.command} card {wildcards.dataset} --scale {params.scale} 2>&1 | tee {log}"
