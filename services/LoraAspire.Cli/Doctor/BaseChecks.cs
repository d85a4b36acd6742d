using LoraAspire.Model;
using LoraAspire.Model.Prompts;
using LoraAspire.Runtime.Store;

namespace LoraAspire.Cli.Doctor;

/// <summary>A base: whether it can be used, its tokenizer, and which template its rows would take.</summary>
internal static class BaseChecks
{
    public static IEnumerable<Check> All(string folder)
    {
        var name = Path.GetFileName(folder.TrimEnd('/', '\\'));
        var problems = ModelCheck.Problems(folder).ToList();
        return problems.Count > 0
            ? problems.Select(problem => Check.Failure($"base {name}", problem, "fetch the whole folder from its publisher again"))
            : [Weights(name, folder), Template(name, folder)];
    }

    private static Check Weights(string name, string folder)
    {
        var bytes = Directory.EnumerateFiles(folder).Where(IsWeights).Sum(file => new FileInfo(file).Length);
        var room = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        var words = $"settings, weights ({DiskSpace.Words(bytes)}) and tokenizer can be read";
        return bytes <= room ? Check.Ok($"base {name}", words)
            : Check.Warning($"base {name}", $"{words}, but this process gets {DiskSpace.Words(room)} of memory",
                "a smaller base, or a machine with more memory; `lora fit` tells what a GPU takes");
    }

    private static bool IsWeights(string file) => Path.GetExtension(file) is ".safetensors" or ".bin";

    private static Check Template(string name, string folder)
    {
        try
        {
            return Check.Ok($"template of {name}", ChatTemplateFile.Load(folder) is null
                ? "it brings no chat template: rows take alpaca's, unless prompt_template_name names another"
                : "its own chat template, which rows take unless prompt_template_name names another");
        }
        catch (ModelException error)
        {
            return Check.Warning($"template of {name}", error.Message,
                "set prompt_template_name: alpaca in data-build, or fetch tokenizer_config.json again");
        }
    }
}
