using LoraAspire.Model;
using LoraAspire.Model.Prompts;
using LoraAspire.Model.Prompts.Jinja;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Stages;

namespace LoraAspire.DataBuild.Output;

/// <summary>What writes the rows: the template that was named, else the base's own, else alpaca.</summary>
/// <param name="Name">As prompt_template_name says it.</param>
/// <param name="Note">What the user should know of the choice; null where it was theirs.</param>
internal sealed record PromptChoice(PromptFormat Format, string Name, string? Note)
{
    /// <exception cref="StageException">The base's chat template is asked for and there is none, or it can't be read.</exception>
    /// <exception cref="ModelException">A template file that is none.</exception>
    public static PromptChoice Of(DataBuildParams with, string baseFolder, DataRoot data) => with.PromptTemplateName switch
    {
        DataBuildParams.ChatTemplate => OfBase(baseFolder) is { } own ? new(own, DataBuildParams.ChatTemplate, null)
            : throw new StageException($"prompt_template_name asks for the base's own chat template, and {Path.GetFileName(baseFolder)} "
                + $"brings none: neither {ChatTemplateFile.FileName} nor chat_template in tokenizer_config.json. Copy it from the base's "
                + $"publisher, or name {string.Join(", ", DataBuildParams.BuiltInTemplates)} or a template file."),
        null when with.Compat == Compat.None && OfBase(baseFolder) is { } own => new(own, DataBuildParams.ChatTemplate,
            $"prompt_template_name isn't given: rows are written with the base's own chat template. Name {DataBuildParams.UsualTemplate} "
                + "for the prompts of alpaca-lora."),
        null => new(PromptTemplate.Load(DataBuildParams.UsualTemplate), DataBuildParams.UsualTemplate,
            $"prompt_template_name isn't given{(with.Compat == Compat.None ? " and the base brings no chat template" : "")}: rows are "
                + $"written with {DataBuildParams.UsualTemplate}."),
        { } builtIn when PromptTemplate.BuiltIn.Contains(builtIn) => new(PromptTemplate.Load(builtIn), builtIn, null),
        { } file => new(PromptFormat.Load(data.Resolve(file)), file, null),
    };

    private static ChatFormat? OfBase(string folder)
    {
        try
        {
            return ChatTemplateFile.Load(folder) is { } own ? new(own, ChatFormat.RowDate) : null;
        }
        catch (TemplateException fault)
        {
            throw new StageException($"{fault.Message} Name another by prompt_template_name, or mend it.", inner: fault);
        }
    }
}
