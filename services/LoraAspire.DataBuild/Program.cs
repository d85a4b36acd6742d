using LoraAspire.DataBuild;
using LoraAspire.DataBuild.Grammar;
using LoraAspire.DataBuild.Written;
using LoraAspire.Pipelines.Stages;
using LoraAspire.ServiceDefaults;

if (args is ["grammar", ..])
{
    Console.OutputEncoding = new System.Text.UTF8Encoding(encoderShouldEmitUTF8Identifier: false);
    return GrammarCommand.Run(args[1..], Console.Out, Console.Error);
}
return await StageService.RunAsync<DataBuildParams, DataBuildStage>(
    args, StageKinds.DataBuild, add: services => services.AddSingleton<ChatModels>());
