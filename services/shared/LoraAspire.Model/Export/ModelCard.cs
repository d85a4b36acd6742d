using System.Globalization;
using System.Text;
using System.Text.Json;
using LoraAspire.Model.Export.Gguf;

namespace LoraAspire.Model.Export;

/// <summary>README.md of an export: what it is, how it is run, and the digests of its files.</summary>
internal static class ModelCard
{
    public const string FileName = "README.md";

    public static string OfGguf(ExportOptions options, IReadOnlyList<ExportedFile> files, bool hasAdapter, IReadOnlyList<string> remarks)
    {
        StringBuilder text = new();
        text.Append(CultureInfo.InvariantCulture,
            $"---\nlibrary_name: gguf\npipeline_tag: text-generation\ntags: [gguf{(hasAdapter ? ", lora" : "")}]\n---\n\n");
        text.Append(CultureInfo.InvariantCulture, $"# {options.Name}\n\nWritten by LoraAspire as GGUF, the format of llama.cpp; ")
            .Append(CultureInfo.InvariantCulture, $"mostly {options.Type.Label()}.\n\n## Running it\n\n```bash\n");
        var (model, adapter) = (options.From is null ? files[0].Name : "BASE.gguf", hasAdapter ? files[^1].Name : null);
        var name = options.Name.ToLowerInvariant();
        text.Append(CultureInfo.InvariantCulture, $"llama-cli -m {model}{(adapter is null ? "" : $" --lora {adapter}")}\n")
            .Append(CultureInfo.InvariantCulture, $"ollama create {name} -f Modelfile && ollama run {name}\n```\n\n");
        foreach (var remark in remarks)
        {
            text.Append("- ").Append(remark).Append('\n');
        }
        return text.Append(remarks.Count > 0 ? "\n" : "").Append(Table(files)).ToString();
    }

    /// <param name="baseModel">Of an adapter; null of a model.</param>
    public static string OfFolder(string name, string? baseModel, IReadOnlyList<ExportedFile> files)
    {
        var loading = baseModel is null
            ? "from transformers import AutoModelForCausalLM, AutoTokenizer\ntokenizer = AutoTokenizer.from_pretrained(FOLDER)\n"
                + "model = AutoModelForCausalLM.from_pretrained(FOLDER)"
            : "from peft import AutoPeftModelForCausalLM\nmodel = AutoPeftModelForCausalLM.from_pretrained(FOLDER)";
        return "---\n" + (baseModel is { Length: > 0 } ? $"base_model: {JsonSerializer.Serialize(baseModel)}\n" : "")
            + $"library_name: {(baseModel is null ? "transformers" : "peft")}\npipeline_tag: text-generation\n"
            + (baseModel is null ? "" : "tags: [lora]\n") + $"---\n\n# {name}\n\nWritten by LoraAspire.\n\n"
            + $"## Loading it\n\n```python\n{loading}\n```\n\n"
            + Table(files);
    }

    /// <summary>The card of a training, with the digests behind it.</summary>
    public static string WithFiles(string card, IReadOnlyList<ExportedFile> files) => card.TrimEnd() + "\n\n" + Table(files);

    private static string Table(IReadOnlyList<ExportedFile> files)
    {
        StringBuilder text = new("## Files\n\n| | bytes | SHA-256 |\n| --- | --- | --- |\n");
        foreach (var file in files)
        {
            text.Append(CultureInfo.InvariantCulture, $"| {file.Name} | {file.Bytes:N0} | `{file.Sha256}` |\n");
        }
        return text.ToString();
    }
}
