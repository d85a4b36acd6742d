using System.Text.RegularExpressions;
using LoraAspire.Model.Export.Gguf;
using LoraAspire.Model.Export.Ollama;

namespace LoraAspire.Model.Export;

/// <summary>What an export is to be.</summary>
public sealed partial record ExportOptions
{
    /// <summary>Starts the names of its files.</summary>
    public string Name { get; init; } = "model";

    public GgmlType Type { get; init; } = GgmlType.F16;

    /// <summary>The folder that Hugging Face takes, in place of GGUF files.</summary>
    public bool IsHuggingFace { get; init; }

    /// <summary>One zip file in place of the files.</summary>
    public bool IsZip { get; init; }

    /// <summary>A system message for the Modelfile, which comes with GGUF alone.</summary>
    public string? System { get; init; }

    /// <summary>Of an adapter: the model in Ollama that is its base, so that the base isn't written.</summary>
    public string? From { get; init; }

    /// <summary>Everything that a file's name or a line of a Modelfile is made of, and that there is a Modelfile for it.</summary>
    /// <exception cref="ModelException">A name that is none, or a text that would be left out.</exception>
    public void Require()
    {
        if (!FileStem().IsMatch(Name))
        {
            throw new ModelException(
                "name: 1 to 80 letters, digits, dots, hyphens and underscores, the first of them a letter or digit.");
        }
        if (IsHuggingFace && (System ?? From) is not null)
        {
            throw new ModelException($"{(System is null ? "from" : "system")}: goes into a Modelfile, which GGUF comes with: a folder "
                + "for Hugging Face has none.");
        }
        if (From is not null && !ModelName().IsMatch(From))
        {
            throw new ModelException("from: a model in Ollama is named as in 'llama3.2:1b' or 'somebody/model'.");
        }
        Modelfile.RequireSystem(System);
    }

    [GeneratedRegex(@"^[A-Za-z0-9][A-Za-z0-9._-]{0,79}\z", RegexOptions.CultureInvariant)]
    private static partial Regex FileStem();

    [GeneratedRegex(@"^[A-Za-z0-9][A-Za-z0-9._/:-]{0,199}\z", RegexOptions.CultureInvariant)]
    private static partial Regex ModelName();
}
