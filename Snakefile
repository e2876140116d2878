include: "workflow/Snakefile"


rule all:  # the default; Snakemake takes none from an included file
    input:
        rules.everything.input,
