namespace LoraAspire.Tests.Goldens.Own;

/// <summary>
/// What this project proves itself by where no other goldens are: the same files as the shared ones have, computed in float64 when a test
/// first asks for one.
/// </summary>
internal static class OwnGoldens
{
    private static readonly DirectoryInfo s_root = Directory.CreateTempSubdirectory("lora-goldens-");

    /// <summary>What writes each, by its place in the layout.</summary>
    private static readonly Dictionary<string, Lazy<string>> s_cases = new Dictionary<string, Action<string>>(
    [
        .. OwnModels.Names.Select(name => Case($"models/{name}", folder => OwnModels.Write(name, folder))),
        .. OwnAdapters.Names.Select(name => Case($"lora/{name}", folder => OwnAdapters.Write(name, folder))),
        .. OwnTexts.Templates.Select(name => Case($"preprocess/preprocess_{name}.json", file => OwnTexts.WritePreprocess(name, file))),
        .. OwnTexts.Templates.Select(name => Case($"preprocess/collate_{name}.json", file => OwnTexts.WriteCollated(name, file))),
        Case("merge_bf16", OwnAdapters.WriteMergeBf16),
        Case("tokenizer", OwnTexts.WriteTokenizer),
        Case("trainer/group_by_length.json", OwnTexts.WriteGroupedByLength),
    ]).ToDictionary(one => one.Key, one => new Lazy<string>(() => Written(one.Key, one.Value)));

    public static IEnumerable<string> Places => s_cases.Keys;

    /// <summary>The full path of a case.</summary>
    public static string At(string place) => s_cases[place].Value;

    private static KeyValuePair<string, Action<string>> Case(string place, Action<string> write) => new(place, write);

    private static string Written(string place, Action<string> write)
    {
        var path = Path.Combine(s_root.FullName, place);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        write(path);
        return path;
    }
}
