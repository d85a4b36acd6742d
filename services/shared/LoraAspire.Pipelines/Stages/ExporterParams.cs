namespace LoraAspire.Pipelines.Stages;

/// <summary>A model, or an adapter over its base → GGUF files with an Ollama Modelfile, or a folder for Hugging Face.</summary>
public sealed record ExporterParams : StageParams
{
    /// <summary>Starts the files' names.</summary>
    public string Name { get; init; } = "model";
    /// <summary>gguf for llama.cpp and Ollama, hugging-face for a folder to upload.</summary>
    public ExportFormat Format { get; init; } = ExportFormat.Gguf;

    /// <summary>Of a GGUF file's numbers.</summary>
    public ExportType Type { get; init; } = ExportType.F16;

    /// <summary>One zip file in place of the files.</summary>
    public bool Zip { get; init; }

    /// <summary>A system message in the Modelfile.</summary>
    public string? System { get; init; }

    /// <summary>Of an adapter: its base's name in Ollama, so that the base isn't exported beside it.</summary>
    public string? From { get; init; }

    public override IEnumerable<(string Key, string Problem)> Validate()
    {
        if (Format == ExportFormat.HuggingFace && (System ?? From) is not null)
        {
            yield return (System is null ? "from" : "system", "goes into a Modelfile, which format: gguf writes");
        }
    }
}

public enum ExportFormat { Gguf, HuggingFace }

public enum ExportType { F32, F16, Bf16, Q8_0, Q4_0 }
