using System.Text.Json;
using LoraAspire.Model.Network;

namespace LoraAspire.Model.Adapters;

/// <summary>An adapter's settings; PEFT's adapter_config.json. Each kind has a record with its own.</summary>
public abstract record AdapterConfig(IReadOnlyList<string> TargetModules)
{
    public const string FileName = "adapter_config.json";

    /// <summary>The word for every linear layer but the head.</summary>
    public const string AllLinear = "all-linear";

    public abstract AdapterKind Kind { get; }

    public string BaseModelNameOrPath { get; init; } = "";

    /// <summary>Modules trained whole and saved with the adapter, as embed_tokens or input_layernorm: ends of their paths.</summary>
    public IReadOnlyList<string> ModulesToSave { get; init; } = [];

    /// <summary>Embedding and head, where the base ties them, stay one weight when modules_to_save names one of them.</summary>
    public bool EnsureWeightTying { get; init; }

    /// <summary>What loading the adapter does to the base's weights.</summary>
    public virtual Initialization Start => Initialization.Plain;

    /// <summary>PEFT's rule for modules_to_save: a name fits a module whose path ends in it, and all that is in the module.</summary>
    public static bool Fits(string name, string module) =>
        module.EndsWith(name, StringComparison.Ordinal) || module.Contains(name + ".", StringComparison.Ordinal);

    /// <summary>Decoder layers that get adapters; null is all.</summary>
    public IReadOnlyList<int>? LayersToTransform { get; init; }

    /// <summary>Of a layer's low-rank tensors, where the kind has such.</summary>
    public virtual int RankOf(string layer) => 1;

    /// <inheritdoc cref="LayerAdapter.Scale"/>
    public virtual double ScaleOf(string layer) => 1;

    /// <inheritdoc cref="LayerAdapter.Dropout"/>
    public virtual double Dropout => 0;

    /// <summary>PEFT's rule: a target matches a layer of that name, or one whose path ends in it.</summary>
    public bool Targets(string layer) =>
        (LayersToTransform is null || LayersToTransform.Any(index => layer.Contains($".layers.{index}.", StringComparison.Ordinal)))
        && (TargetModules is [AllLinear]
            || TargetModules.Any(target => layer == target || layer.EndsWith("." + target, StringComparison.Ordinal)));

    /// <param name="layers">Those that get an adapter, at least one.</param>
    /// <exception cref="ModelException">A setting that fits none of them is a slip, which would train another adapter than was
    /// meant.</exception>
    internal virtual void RequireFits(IReadOnlyList<string> layers)
    {
    }

    /// <summary>The kind's own fields of adapter_config.json.</summary>
    internal abstract IReadOnlyDictionary<string, object?> OwnFields();

    /// <exception cref="ModelException">No such file, broken, or a setting that this code can't honour; the message names it.</exception>
    public static AdapterConfig Load(string directory)
    {
        var path = Path.Combine(directory, FileName);
        if (!File.Exists(path))
        {
            throw new ModelException($"No {FileName} in {directory}: it is not an adapter's folder.");
        }
        return JsonFile.Read(path, "adapter configuration", root => Read(new ConfigFields(root, path)));
    }

    private static AdapterConfig Read(ConfigFields fields)
    {
        var type = fields.Text("peft_type") ?? Lora.Kind.PeftType;
        var kind = AdapterKind.All.FirstOrDefault(kind => kind.PeftType == type)
            ?? throw fields.Refuse("peft_type",
                $"is '{type}'; supported are {string.Join(", ", AdapterKind.All.Select(kind => kind.PeftType).Distinct())}");
        return kind.ReadConfig(fields) with
        {
            BaseModelNameOrPath = fields.Text("base_model_name_or_path") ?? "",
            ModulesToSave = fields.Texts("modules_to_save") ?? [],
            EnsureWeightTying = fields.Flag("ensure_weight_tying") ?? false,
            LayersToTransform = !fields.Has("layers_to_transform") ? null : fields.Element.GetProperty("layers_to_transform") switch
            {
                { ValueKind: JsonValueKind.Array } layers => [.. layers.EnumerateArray().Select(Number)],
                var layer => [Number(layer)],
            },
        };
        int Number(JsonElement layer) => layer.ValueKind == JsonValueKind.Number && layer.TryGetInt32(out var number) ? number
            : throw fields.Refuse("layers_to_transform", "must be a whole number or a list of such");
    }

    internal static string[] ReadTargets(ConfigFields fields) =>
        !fields.Has("target_modules") ? throw fields.Refuse("target_modules", "is missing")
        : fields.Element.GetProperty("target_modules").ValueKind switch
        {
            JsonValueKind.Array => fields.Texts("target_modules")!,
            JsonValueKind.String => [fields.Text("target_modules")!],
            _ => throw fields.Refuse("target_modules", "must be a string or a list of strings"),
        };

    /// <summary>Writes adapter_config.json as PEFT does: two spaces, sorted keys.</summary>
    public void Save(string directory)
    {
        var json = new SortedDictionary<string, object?>(new Dictionary<string, object?>(OwnFields())
        {
            ["auto_mapping"] = null,
            ["base_model_name_or_path"] = BaseModelNameOrPath,
            ["inference_mode"] = true,
            ["layers_to_transform"] = LayersToTransform,
            ["modules_to_save"] = ModulesToSave.Count == 0 ? null : ModulesToSave,
            ["peft_type"] = Kind.PeftType,
            ["revision"] = null,
            ["target_modules"] = TargetModules is [AllLinear] ? AllLinear : TargetModules,
            ["task_type"] = "CAUSAL_LM",
        }, StringComparer.Ordinal);
        if (EnsureWeightTying)
        {
            json["ensure_weight_tying"] = true;
        }
        File.WriteAllText(Path.Combine(directory, FileName), JsonSerializer.Serialize(json, s_indented) + "\n");
    }

    private static readonly JsonSerializerOptions s_indented = new() { WriteIndented = true };
}
